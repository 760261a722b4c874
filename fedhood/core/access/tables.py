"""Where rights, passphrases, sessions and one-time links are kept."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p2, p4


class RightTable(Table):
    """Somebody may do something somewhere, from one day until another. `neighbourhood` null: on the whole server."""

    id = p2(peewee.AutoField())
    account = p2(peewee.IntegerField(index=True))
    neighbourhood = p2(peewee.IntegerField(null=True))
    role = p2(peewee.TextField())
    since = p2(MomentField())
    until = p2(MomentField(null=True))
    given_by = p2(peewee.IntegerField(null=True))

    class Meta:
        table_name = "access_right"


class PassphraseTable(Table):
    """The Argon2id hash of a passphrase."""

    account = p4(peewee.IntegerField(primary_key=True))
    hash = p4(peewee.TextField())
    set_at = p2(MomentField())

    class Meta:
        table_name = "passphrase"


class SessionTable(Table):
    """A browser that is signed in; the cookie's token is kept as a hash."""

    id = p2(peewee.AutoField())
    token_hash = p4(peewee.BlobField(unique=True))
    account = p2(peewee.IntegerField(index=True))
    csrf = p4(peewee.TextField())
    label = p2(peewee.TextField(default=""))
    created_at = p2(MomentField())
    seen_at = p2(MomentField())
    passphrase_at = p2(MomentField(null=True))

    class Meta:
        table_name = "session"


class LinkTable(Table):
    """A one-time sign-in link, kept as a hash."""

    id = p2(peewee.AutoField())
    token_hash = p4(peewee.BlobField(unique=True))
    account = p2(peewee.IntegerField(index=True))
    made_by = p2(peewee.IntegerField(null=True))
    made_at = p2(MomentField())
    expires_at = p2(MomentField())
    used_at = p2(MomentField(null=True))

    class Meta:
        table_name = "sign_in_link"


class AttemptTable(Table):
    """How often something was tried in a while: a passphrase, a code, a form that was sent; in all processes together.

    `bucket` names what is counted: an account, an address, a form.
    """

    bucket = p2(peewee.TextField(primary_key=True))
    tries = p2(peewee.IntegerField())
    since = p2(MomentField())

    class Meta:
        table_name = "attempt"
