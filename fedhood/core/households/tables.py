"""Where households and their codes are kept. No address and no label of a code is among them."""

import peewee

from fedhood.kernel.tables import MomentField, Table, p2, p4


class HouseholdTable(Table):
    """One postal delivery point."""

    id = p2(peewee.AutoField())
    neighbourhood = p2(peewee.IntegerField(index=True))
    since = p2(MomentField())
    merged_into = p2(peewee.IntegerField(null=True))

    class Meta:
        table_name = "household"


class MembershipTable(Table):
    """An account lives in a household from one day until another."""

    id = p2(peewee.AutoField())
    account = p2(peewee.IntegerField(index=True))
    household = p2(peewee.IntegerField(index=True))
    since = p2(MomentField())
    until = p2(MomentField(null=True))

    class Meta:
        table_name = "membership"


class SheetTable(Table):
    """A printed sheet of codes; it has a number within its neighbourhood and can be cancelled whole."""

    id = p2(peewee.AutoField())
    neighbourhood = p2(peewee.IntegerField(index=True))
    number = p2(peewee.IntegerField())
    made_by = p2(peewee.IntegerField())
    made_at = p2(MomentField())
    cancelled_at = p2(MomentField(null=True))

    class Meta:
        table_name = "code_sheet"


class CodeTable(Table):
    """A code that admits one account; `household` is set on a code that a household made for its own members."""

    id = p2(peewee.AutoField())
    code_hash = p4(peewee.BlobField(unique=True))
    neighbourhood = p2(peewee.IntegerField())
    sheet = p2(peewee.IntegerField(null=True, index=True))
    household = p2(peewee.IntegerField(null=True))
    made_by = p2(peewee.IntegerField())
    made_at = p2(MomentField())
    expires_at = p2(MomentField())
    used_at = p2(MomentField(null=True))
    cancelled_at = p2(MomentField(null=True))

    class Meta:
        table_name = "household_code"
