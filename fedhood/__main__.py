"""`python -m fedhood`."""

from fedhood.cli import main

if __name__ == "__main__":
    main()
