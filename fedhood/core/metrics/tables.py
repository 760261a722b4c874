"""Where the quarter is kept: reports of ours, and at the city the list of neighbourhoods and what they handed in."""

import peewee

from fedhood.kernel.tables import JsonField, MomentField, Table, p0


class IssuedReportTable(Table):
    """A report of ours. It holds totals and no household; `document` are the canonical bytes that were handed in."""

    id = p0(peewee.AutoField())
    neighbourhood = p0(peewee.IntegerField())
    period = p0(peewee.TextField())
    revision = p0(peewee.IntegerField())
    sequence = p0(peewee.IntegerField())
    time_zone = p0(peewee.TextField())
    area_key = p0(peewee.TextField())
    area_name = p0(peewee.TextField())
    households = p0(peewee.IntegerField())
    households_source = p0(peewee.TextField())
    households_on = p0(peewee.TextField())
    observations = p0(JsonField())
    state = p0(peewee.TextField())
    reason = p0(peewee.TextField(default=""))
    compiled_at = p0(MomentField())
    answered_at = p0(MomentField(null=True))
    document = p0(peewee.BlobField(null=True))
    digest = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "issued_report"
        indexes = ((("neighbourhood", "period", "revision"), True), (("neighbourhood", "sequence"), True))


class CityAreaTable(Table):
    """A neighbourhood of the city's own list; one that was taken off stays, for what it handed in."""

    id = p0(peewee.AutoField())
    name = p0(peewee.TextField())
    host = p0(peewee.TextField())
    households = p0(peewee.IntegerField())
    source = p0(peewee.TextField())
    counted_on = p0(peewee.TextField())
    area_uri = p0(peewee.TextField(null=True, unique=True))
    is_listed = p0(peewee.BooleanField())
    added_at = p0(MomentField())

    class Meta:
        table_name = "city_area"
        indexes = ((("host", "name"), True),)


class CityAreaVersionTable(Table):
    """What the list said of a neighbourhood from one moment to another (`until` null: still does)."""

    id = p0(peewee.AutoField())
    area = p0(peewee.IntegerField(index=True))
    since = p0(MomentField())
    until = p0(MomentField(null=True))
    name = p0(peewee.TextField())
    households = p0(peewee.IntegerField())
    source = p0(peewee.TextField())
    counted_on = p0(peewee.TextField())

    class Meta:
        table_name = "city_area_version"


class ReceivedReportTable(Table):
    """A report that was handed in: what it said (`handed`, null when it could not be read), and what the city says."""

    id = p0(peewee.AutoField())
    peer = p0(peewee.IntegerField())
    area = p0(peewee.IntegerField(null=True))
    uri = p0(peewee.TextField())
    digest = p0(peewee.TextField())
    period = p0(peewee.TextField())
    sequence = p0(peewee.IntegerField(null=True))
    revision = p0(peewee.IntegerField(null=True))
    state = p0(peewee.TextField())
    why = p0(peewee.TextField(null=True))
    reason = p0(peewee.TextField(default=""))
    received_at = p0(MomentField())
    document = p0(peewee.BlobField())
    handed = p0(JsonField(null=True))

    class Meta:
        table_name = "received_report"
        indexes = ((("uri", "digest"), True), (("area", "period"), False))
