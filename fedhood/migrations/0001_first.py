"""The first schema: frozen copies of the tables, which import nothing of fedhood and never change."""

import peewee


class _Table(peewee.Model):
    class Meta:
        legacy_table_names = False


class Fact(_Table):
    id = peewee.BigAutoField()
    kind = peewee.TextField()
    at = peewee.BigIntegerField()
    cursor = peewee.BigIntegerField()
    neighbourhood = peewee.IntegerField(null=True)
    household = peewee.IntegerField(null=True)
    other_household = peewee.IntegerField(null=True)
    object = peewee.BigIntegerField(null=True)
    rest = peewee.TextField(null=True)

    class Meta:
        table_name = 'fact'
        indexes = ((('kind', 'at'), False),)


class Job(_Table):
    id = peewee.BigAutoField()
    kind = peewee.TextField()
    details = peewee.TextField()
    state = peewee.TextField()
    ordering_key = peewee.TextField(null=True)
    due_at = peewee.BigIntegerField()
    attempts = peewee.IntegerField()
    leased_until = peewee.BigIntegerField(null=True)
    last_error = peewee.TextField(null=True)

    class Meta:
        table_name = 'job'
        indexes = ((('state', 'due_at'), False),)


class ProcessSlot(_Table):
    slot = peewee.IntegerField(primary_key=True)
    seen_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'process_slot'


class ScheduleRun(_Table):
    name = peewee.TextField(primary_key=True)
    last_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'schedule_run'


class Instance(_Table):
    name = peewee.TextField(primary_key=True)
    value = peewee.TextField()

    class Meta:
        table_name = 'instance'


class Neighbourhood(_Table):
    id = peewee.AutoField()
    key = peewee.TextField()
    name = peewee.TextField()
    languages = peewee.TextField()
    households = peewee.IntegerField(null=True)
    households_source = peewee.TextField()
    households_on = peewee.TextField()
    rules = peewee.TextField()
    peer = peewee.IntegerField(null=True)
    uri = peewee.TextField(null=True)
    visitors = peewee.BooleanField()
    created_at = peewee.BigIntegerField()
    replaced_at = peewee.BigIntegerField(null=True)
    version = peewee.IntegerField()

    class Meta:
        table_name = 'neighbourhood'
        indexes = ((('peer', 'key'), False),)


class Pair(_Table):
    id = peewee.AutoField()
    writer = peewee.IntegerField()
    reader = peewee.IntegerField()
    since = peewee.BigIntegerField()
    until = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'pair'
        indexes = ((('writer', 'reader'), False), (('reader', 'writer'), False))


class Account(_Table):
    id = peewee.AutoField()
    key = peewee.TextField(unique=True)
    handle = peewee.TextField(null=True, unique=True)
    name = peewee.TextField()
    neighbourhood = peewee.IntegerField(null=True)
    peer = peewee.IntegerField(null=True)
    uri = peewee.TextField(null=True, unique=True)
    visitor = peewee.TextField(null=True)
    language = peewee.TextField()
    state = peewee.TextField()
    joined_at = peewee.BigIntegerField()
    version = peewee.IntegerField()

    class Meta:
        table_name = 'account'


class AccessRight(_Table):
    id = peewee.AutoField()
    account = peewee.IntegerField(index=True)
    neighbourhood = peewee.IntegerField(null=True)
    role = peewee.TextField()
    since = peewee.BigIntegerField()
    until = peewee.BigIntegerField(null=True)
    given_by = peewee.IntegerField(null=True)

    class Meta:
        table_name = 'access_right'


class Passphrase(_Table):
    account = peewee.IntegerField(primary_key=True)
    hash = peewee.TextField()
    set_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'passphrase'


class Session(_Table):
    id = peewee.AutoField()
    token_hash = peewee.BlobField(unique=True)
    account = peewee.IntegerField(index=True)
    csrf = peewee.TextField()
    label = peewee.TextField()
    created_at = peewee.BigIntegerField()
    seen_at = peewee.BigIntegerField()
    passphrase_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'session'


class SignInLink(_Table):
    id = peewee.AutoField()
    token_hash = peewee.BlobField(unique=True)
    account = peewee.IntegerField(index=True)
    made_by = peewee.IntegerField(null=True)
    made_at = peewee.BigIntegerField()
    expires_at = peewee.BigIntegerField()
    used_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'sign_in_link'


class Attempt(_Table):
    bucket = peewee.TextField(primary_key=True)
    tries = peewee.IntegerField()
    since = peewee.BigIntegerField()

    class Meta:
        table_name = 'attempt'


class Peer(_Table):
    id = peewee.AutoField()
    host = peewee.TextField(unique=True)
    name = peewee.TextField()
    state = peewee.TextField()
    trust = peewee.TextField()
    actor_uri = peewee.TextField(null=True)
    inbox = peewee.TextField(null=True)
    shared_inbox = peewee.TextField(null=True)
    peer_inbox = peewee.TextField(null=True)
    multikey = peewee.TextField(null=True)
    public_key_pem = peewee.TextField(null=True)
    fingerprint = peewee.TextField(null=True)
    capabilities = peewee.TextField(null=True)
    offered_groups = peewee.TextField(null=True)
    their_follow_uri = peewee.TextField(null=True)
    our_follow_uri = peewee.TextField(null=True)
    confirmed_at = peewee.BigIntegerField(null=True)
    agreed_at = peewee.BigIntegerField(null=True)
    agreed_key = peewee.TextField(null=True)
    suspended_at = peewee.BigIntegerField(null=True)
    other_key = peewee.TextField(null=True)
    looked_at = peewee.BigIntegerField(null=True)
    missed_at = peewee.BigIntegerField(null=True)
    confirmed_by = peewee.IntegerField(null=True)
    chosen_pairs = peewee.TextField(null=True)
    last_error = peewee.TextField(null=True)
    added_at = peewee.BigIntegerField()
    stream_epoch = peewee.IntegerField()
    stream_next = peewee.IntegerField()

    class Meta:
        table_name = 'peer'


class Agreement(_Table):
    id = peewee.AutoField()
    peer = peewee.IntegerField()
    ours = peewee.BooleanField()
    trust = peewee.TextField()
    scopes = peewee.TextField()
    pairs = peewee.TextField(null=True)
    valid_until = peewee.BigIntegerField()
    updated_at = peewee.BigIntegerField()
    warned_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'agreement'
        indexes = ((('peer', 'ours'), True),)


class PublishedList(_Table):
    id = peewee.AutoField()
    entries = peewee.TextField()
    updated_at = peewee.BigIntegerField()
    published_by = peewee.IntegerField(null=True)

    class Meta:
        table_name = 'published_list'


class FollowedList(_Table):
    peer = peewee.IntegerField(primary_key=True)
    followed_at = peewee.BigIntegerField()
    followed_by = peewee.IntegerField(null=True)
    asked_at = peewee.BigIntegerField(null=True)
    fetched_at = peewee.BigIntegerField(null=True)
    updated_at = peewee.BigIntegerField(null=True)
    digest = peewee.TextField(null=True)
    trouble = peewee.TextField(null=True)

    class Meta:
        table_name = 'followed_list'


class Listed(_Table):
    id = peewee.AutoField()
    peer = peewee.IntegerField()
    host = peewee.TextField()
    name = peewee.TextField()
    fingerprint = peewee.TextField()
    groups = peewee.TextField()
    listed_at = peewee.BigIntegerField()
    left_at = peewee.BigIntegerField(null=True)
    answered = peewee.TextField(null=True)
    answered_at = peewee.BigIntegerField(null=True)
    answered_by = peewee.IntegerField(null=True)

    class Meta:
        table_name = 'listed'
        indexes = ((('peer', 'host'), True), (('host',), False))


class Follower(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    neighbourhood = peewee.IntegerField()
    actor = peewee.TextField()
    peer = peewee.IntegerField()
    inbox = peewee.TextField()
    endpoint = peewee.TextField()
    follow = peewee.TextField()
    standing = peewee.TextField()
    version = peewee.IntegerField()
    at = peewee.BigIntegerField()

    class Meta:
        table_name = 'follower'
        indexes = ((('actor', 'neighbourhood'), True), (('endpoint',), False), (('peer',), False))


class Household(_Table):
    id = peewee.AutoField()
    neighbourhood = peewee.IntegerField(index=True)
    since = peewee.BigIntegerField()
    merged_into = peewee.IntegerField(null=True)

    class Meta:
        table_name = 'household'


class Membership(_Table):
    id = peewee.AutoField()
    account = peewee.IntegerField(index=True)
    household = peewee.IntegerField(index=True)
    since = peewee.BigIntegerField()
    until = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'membership'


class CodeSheet(_Table):
    id = peewee.AutoField()
    neighbourhood = peewee.IntegerField(index=True)
    number = peewee.IntegerField()
    made_by = peewee.IntegerField()
    made_at = peewee.BigIntegerField()
    cancelled_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'code_sheet'


class HouseholdCode(_Table):
    id = peewee.AutoField()
    code_hash = peewee.BlobField(unique=True)
    neighbourhood = peewee.IntegerField()
    sheet = peewee.IntegerField(null=True, index=True)
    household = peewee.IntegerField(null=True)
    made_by = peewee.IntegerField()
    made_at = peewee.BigIntegerField()
    expires_at = peewee.BigIntegerField()
    used_at = peewee.BigIntegerField(null=True)
    cancelled_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'household_code'


class Block(_Table):
    id = peewee.AutoField()
    account = peewee.IntegerField()
    other = peewee.IntegerField(index=True)
    at = peewee.BigIntegerField()

    class Meta:
        table_name = 'block'
        indexes = ((('account', 'other'), True),)


class HubMember(_Table):
    id = peewee.AutoField()
    hub = peewee.IntegerField()
    place = peewee.IntegerField()
    standing = peewee.TextField()
    version = peewee.IntegerField()
    uri = peewee.TextField(null=True)
    since = peewee.BigIntegerField()

    class Meta:
        table_name = 'hub_member'
        indexes = ((('hub', 'place'), True), (('place',), False))


class HubPassage(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    uri = peewee.TextField(unique=True)
    about = peewee.TextField(index=True)
    actor = peewee.TextField(index=True)
    peer = peewee.IntegerField()
    place = peewee.IntegerField()
    act = peewee.TextField()
    at = peewee.BigIntegerField()

    class Meta:
        table_name = 'hub_passage'


class HubDay(_Table):
    hub = peewee.IntegerField()
    place = peewee.IntegerField()
    day = peewee.TextField()
    count = peewee.IntegerField()

    class Meta:
        table_name = 'hub_day'
        primary_key = peewee.CompositeKey('hub', 'place', 'day')


class Post(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    kind = peewee.TextField()
    audience = peewee.TextField()
    neighbourhood = peewee.IntegerField()
    author = peewee.IntegerField(index=True)
    root = peewee.BigIntegerField(null=True)
    parent = peewee.BigIntegerField(null=True)
    category = peewee.TextField()
    text = peewee.TextField()
    language = peewee.TextField()
    published_at = peewee.BigIntegerField()
    edited_at = peewee.BigIntegerField(null=True)
    deleted_at = peewee.BigIntegerField(null=True)
    deleted_by_moderator = peewee.BooleanField()
    hidden_at = peewee.BigIntegerField(null=True)
    version = peewee.IntegerField()
    thanks = peewee.IntegerField()
    replies = peewee.IntegerField()
    uri = peewee.TextField(null=True, unique=True)

    class Meta:
        table_name = 'post'


class PostPlace(_Table):
    place = peewee.IntegerField()
    post = peewee.BigIntegerField()
    next_door = peewee.BooleanField()
    parted = peewee.BooleanField()
    hidden = peewee.BooleanField()

    class Meta:
        table_name = 'post_place'
        primary_key = peewee.CompositeKey('place', 'post')


class PostVersion(_Table):
    post = peewee.BigIntegerField()
    version = peewee.IntegerField()
    text = peewee.TextField()
    language = peewee.TextField()
    until = peewee.BigIntegerField()

    class Meta:
        table_name = 'post_version'
        primary_key = peewee.CompositeKey('post', 'version')


class Thanks(_Table):
    post = peewee.BigIntegerField()
    account = peewee.IntegerField(index=True)
    at = peewee.BigIntegerField()
    uri = peewee.TextField(null=True)

    class Meta:
        table_name = 'thanks'
        primary_key = peewee.CompositeKey('post', 'account')


class HelpRequest(_Table):
    post = peewee.BigIntegerField(primary_key=True)
    state = peewee.TextField()
    revision = peewee.IntegerField()
    category = peewee.TextField()
    area = peewee.TextField()
    until = peewee.BigIntegerField()
    asked_at = peewee.BigIntegerField()
    closed_at = peewee.BigIntegerField(null=True)
    outcome = peewee.TextField(null=True)
    offer = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'help_request'
        indexes = ((('state', 'until'), False),)


class HelpRevision(_Table):
    post = peewee.BigIntegerField()
    revision = peewee.IntegerField()
    state = peewee.TextField()
    at = peewee.BigIntegerField()

    class Meta:
        table_name = 'help_revision'
        primary_key = peewee.CompositeKey('post', 'revision')


class HelpNote(_Table):
    post = peewee.BigIntegerField(primary_key=True)
    text = peewee.TextField()

    class Meta:
        table_name = 'help_note'


class HelpOffer(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    request = peewee.BigIntegerField(index=True)
    helper = peewee.IntegerField(index=True)
    neighbourhood = peewee.IntegerField()
    text = peewee.TextField()
    state = peewee.TextField()
    reason = peewee.TextField(null=True)
    offered_at = peewee.BigIntegerField()
    answered_at = peewee.BigIntegerField(null=True)
    expires_at = peewee.BigIntegerField()
    uri = peewee.TextField(null=True, unique=True)
    sent = peewee.TextField(null=True)
    sent_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'help_offer'
        indexes = ((('state', 'expires_at'), False),)


class PrivateThread(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    offer = peewee.BigIntegerField(unique=True)
    request = peewee.BigIntegerField(index=True)
    asker = peewee.IntegerField(index=True)
    helper = peewee.IntegerField(index=True)
    uri = peewee.TextField(null=True, unique=True)
    opened_at = peewee.BigIntegerField()
    ended_at = peewee.BigIntegerField(null=True)
    left_by = peewee.IntegerField(null=True)
    erased_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'private_thread'


class PrivateMessage(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    thread = peewee.BigIntegerField(index=True)
    author = peewee.IntegerField()
    part = peewee.TextField()
    text = peewee.TextField()
    at = peewee.BigIntegerField()
    uri = peewee.TextField(null=True, unique=True)
    sent = peewee.TextField(null=True)
    sent_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'private_message'


class Meeting(_Table):
    thread = peewee.BigIntegerField()
    account = peewee.IntegerField()
    answer = peewee.TextField()
    at = peewee.BigIntegerField()

    class Meta:
        table_name = 'meeting'
        primary_key = peewee.CompositeKey('thread', 'account')


class CityMessage(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    uri = peewee.TextField(null=True, unique=True)
    peer = peewee.IntegerField(null=True)
    author = peewee.IntegerField()
    groups = peewee.TextField()
    urgent = peewee.BooleanField()
    begins_at = peewee.BigIntegerField()
    ends_at = peewee.BigIntegerField()
    published_at = peewee.BigIntegerField()
    edited_at = peewee.BigIntegerField(null=True)
    shown_at = peewee.BigIntegerField(null=True)
    deleted_at = peewee.BigIntegerField(null=True)
    version = peewee.IntegerField()

    class Meta:
        table_name = 'city_message'


class CityMessageVersion(_Table):
    message = peewee.BigIntegerField()
    version = peewee.IntegerField()
    said = peewee.TextField()
    urgent = peewee.BooleanField()
    begins_at = peewee.BigIntegerField()
    ends_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'city_message_version'
        primary_key = peewee.CompositeKey('message', 'version')


class CityMessagePlace(_Table):
    message = peewee.BigIntegerField()
    place = peewee.IntegerField()
    post = peewee.BigIntegerField(null=True)
    sent = peewee.TextField(null=True)

    class Meta:
        table_name = 'city_message_place'
        primary_key = peewee.CompositeKey('message', 'place')


class SharedAnswer(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    post = peewee.BigIntegerField()
    message = peewee.BigIntegerField()
    author = peewee.IntegerField(index=True)
    shared_at = peewee.BigIntegerField()
    ended_at = peewee.BigIntegerField(null=True)
    sent = peewee.TextField()

    class Meta:
        table_name = 'shared_answer'


class CityAnswer(_Table):
    id = peewee.BigIntegerField(primary_key=True)
    uri = peewee.TextField(unique=True)
    message = peewee.BigIntegerField()
    person = peewee.TextField(index=True)
    name = peewee.TextField()
    place = peewee.IntegerField()
    text = peewee.TextField()
    language = peewee.TextField()
    published_at = peewee.BigIntegerField()
    edited_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'city_answer'
        indexes = ((('message', 'id'), False),)


class Notification(_Table):
    id = peewee.AutoField()
    account = peewee.IntegerField()
    kind = peewee.TextField()
    object = peewee.BigIntegerField()
    actor = peewee.IntegerField(null=True)
    at = peewee.BigIntegerField()
    read_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'notification'
        indexes = ((('account', 'id'), False),)


class Report(_Table):
    id = peewee.AutoField()
    neighbourhood = peewee.IntegerField(index=True)
    reporter = peewee.IntegerField(null=True)
    reported = peewee.IntegerField()
    post = peewee.BigIntegerField(null=True)
    thread = peewee.BigIntegerField(null=True)
    reason = peewee.TextField()
    text = peewee.TextField()
    filed_at = peewee.BigIntegerField()
    state = peewee.TextField()
    answer = peewee.TextField()
    closed_at = peewee.BigIntegerField(null=True)
    closed_by = peewee.IntegerField(null=True)
    uri = peewee.TextField(null=True, unique=True)

    class Meta:
        table_name = 'report'


class ModerationAction(_Table):
    id = peewee.AutoField()
    neighbourhood = peewee.IntegerField(index=True)
    moderator = peewee.IntegerField(null=True)
    action = peewee.TextField()
    object = peewee.BigIntegerField(null=True)
    report = peewee.IntegerField(null=True)
    person = peewee.IntegerField(null=True)
    reason = peewee.TextField()
    at = peewee.BigIntegerField()

    class Meta:
        table_name = 'moderation_action'


class IssuedReport(_Table):
    id = peewee.AutoField()
    neighbourhood = peewee.IntegerField()
    period = peewee.TextField()
    revision = peewee.IntegerField()
    sequence = peewee.IntegerField()
    time_zone = peewee.TextField()
    area_key = peewee.TextField()
    area_name = peewee.TextField()
    households = peewee.IntegerField()
    households_source = peewee.TextField()
    households_on = peewee.TextField()
    observations = peewee.TextField()
    state = peewee.TextField()
    reason = peewee.TextField()
    compiled_at = peewee.BigIntegerField()
    answered_at = peewee.BigIntegerField(null=True)
    document = peewee.BlobField(null=True)
    digest = peewee.TextField(null=True)

    class Meta:
        table_name = 'issued_report'
        indexes = ((('neighbourhood', 'period', 'revision'), True), (('neighbourhood', 'sequence'), True))


class CityArea(_Table):
    id = peewee.AutoField()
    name = peewee.TextField()
    host = peewee.TextField()
    households = peewee.IntegerField()
    source = peewee.TextField()
    counted_on = peewee.TextField()
    area_uri = peewee.TextField(null=True, unique=True)
    is_listed = peewee.BooleanField()
    added_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'city_area'
        indexes = ((('host', 'name'), True),)


class CityAreaVersion(_Table):
    id = peewee.AutoField()
    area = peewee.IntegerField(index=True)
    since = peewee.BigIntegerField()
    until = peewee.BigIntegerField(null=True)
    name = peewee.TextField()
    households = peewee.IntegerField()
    source = peewee.TextField()
    counted_on = peewee.TextField()

    class Meta:
        table_name = 'city_area_version'


class ReceivedReport(_Table):
    id = peewee.AutoField()
    peer = peewee.IntegerField()
    area = peewee.IntegerField(null=True)
    uri = peewee.TextField()
    digest = peewee.TextField()
    period = peewee.TextField()
    sequence = peewee.IntegerField(null=True)
    revision = peewee.IntegerField(null=True)
    state = peewee.TextField()
    why = peewee.TextField(null=True)
    reason = peewee.TextField()
    received_at = peewee.BigIntegerField()
    document = peewee.BlobField()
    handed = peewee.TextField(null=True)

    class Meta:
        table_name = 'received_report'
        indexes = ((('uri', 'digest'), True), (('area', 'period'), False))


class ActorKey(_Table):
    kind = peewee.TextField()
    owner = peewee.IntegerField()
    pem = peewee.BlobField()
    made_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'actor_key'
        primary_key = peewee.CompositeKey('kind', 'owner')


class RetiredKey(_Table):
    activity = peewee.TextField(primary_key=True)
    kind = peewee.TextField()
    owner = peewee.IntegerField()
    pem = peewee.BlobField()
    retired_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'retired_key'
        indexes = ((('kind', 'owner', 'retired_at'), False),)


class RemoteActor(_Table):
    uri = peewee.TextField(primary_key=True)
    peer = peewee.IntegerField(index=True)
    kind = peewee.TextField()
    name = peewee.TextField()
    inbox = peewee.TextField()
    key_uri = peewee.TextField(unique=True)
    public_key_pem = peewee.TextField()
    proof_key_uri = peewee.TextField()
    multikey = peewee.TextField()
    fetched_at = peewee.BigIntegerField()

    class Meta:
        table_name = 'remote_actor'


class Stranger(_Table):
    uri = peewee.TextField(primary_key=True)
    host = peewee.TextField()
    handle = peewee.TextField()
    name = peewee.TextField()
    inbox = peewee.TextField()
    shared_inbox = peewee.TextField(null=True)
    key_uri = peewee.TextField(unique=True)
    key_kind = peewee.TextField()
    key_text = peewee.TextField()
    fetched_at = peewee.BigIntegerField(index=True)

    class Meta:
        table_name = 'stranger'


class Activity(_Table):
    key = peewee.TextField(primary_key=True)
    signer_kind = peewee.TextField()
    signer = peewee.IntegerField()
    scoped = peewee.BooleanField()
    body = peewee.BlobField()
    made_at = peewee.BigIntegerField(index=True)

    class Meta:
        table_name = 'activity'


class Delivery(_Table):
    peer = peewee.IntegerField()
    number = peewee.IntegerField()
    epoch = peewee.IntegerField()
    verb = peewee.TextField()
    object = peewee.BigIntegerField()
    version = peewee.IntegerField()
    state = peewee.TextField()
    attempts = peewee.IntegerField()
    activity = peewee.TextField(null=True)
    inbox = peewee.TextField(null=True)
    last_status = peewee.IntegerField(null=True)
    last_error = peewee.TextField(null=True)
    at = peewee.BigIntegerField()
    done_at = peewee.BigIntegerField(null=True)

    class Meta:
        table_name = 'delivery'
        primary_key = peewee.CompositeKey('peer', 'epoch', 'number')


class Heard(_Table):
    peer = peewee.IntegerField(primary_key=True)
    epoch = peewee.IntegerField()
    upto = peewee.IntegerField()
    behind = peewee.BooleanField()
    behind_since = peewee.BigIntegerField(null=True)
    ask_at = peewee.BigIntegerField(null=True)
    attempts = peewee.IntegerField()
    last_error = peewee.TextField(null=True)

    class Meta:
        table_name = 'heard'


class Host(_Table):
    peer = peewee.IntegerField(primary_key=True)
    failures = peewee.IntegerField()
    next_at = peewee.BigIntegerField()
    last_ok = peewee.BigIntegerField(null=True)
    last_status = peewee.IntegerField(null=True)
    last_error = peewee.TextField(null=True)
    trouble_since = peewee.BigIntegerField(null=True)
    failed_days = peewee.IntegerField()
    failed_on = peewee.IntegerField(null=True)
    paused_at = peewee.BigIntegerField(null=True)
    refusals = peewee.IntegerField()

    class Meta:
        table_name = 'host'


class Inbound(_Table):
    id = peewee.BigAutoField()
    uri = peewee.TextField(unique=True)
    peer = peewee.IntegerField()
    signer = peewee.TextField()
    about = peewee.TextField(null=True, index=True)
    scoped = peewee.BooleanField()
    way = peewee.TextField()
    epoch = peewee.IntegerField()
    number = peewee.IntegerField()
    body = peewee.BlobField()
    received_at = peewee.BigIntegerField()
    state = peewee.TextField()
    attempts = peewee.IntegerField()
    next_at = peewee.BigIntegerField()
    reason = peewee.TextField(null=True)

    class Meta:
        table_name = 'inbound'


class KnownScheme(_Table):
    host = peewee.TextField(primary_key=True)
    scheme = peewee.TextField()
    how = peewee.TextField()
    learnt_at = peewee.BigIntegerField(index=True)

    class Meta:
        table_name = 'known_scheme'


TABLES = (
    Fact,
    Job,
    ProcessSlot,
    ScheduleRun,
    Instance,
    Neighbourhood,
    Pair,
    Account,
    AccessRight,
    Passphrase,
    Session,
    SignInLink,
    Attempt,
    Peer,
    Agreement,
    PublishedList,
    FollowedList,
    Listed,
    Follower,
    Household,
    Membership,
    CodeSheet,
    HouseholdCode,
    Block,
    HubMember,
    HubPassage,
    HubDay,
    Post,
    PostPlace,
    PostVersion,
    Thanks,
    HelpRequest,
    HelpRevision,
    HelpNote,
    HelpOffer,
    PrivateThread,
    PrivateMessage,
    Meeting,
    CityMessage,
    CityMessageVersion,
    CityMessagePlace,
    SharedAnswer,
    CityAnswer,
    Notification,
    Report,
    ModerationAction,
    IssuedReport,
    CityArea,
    CityAreaVersion,
    ReceivedReport,
    ActorKey,
    RetiredKey,
    RemoteActor,
    Stranger,
    Activity,
    Delivery,
    Heard,
    Host,
    Inbound,
    KnownScheme,
)
WITHOUT_ROWID = (
    PostPlace,
)
INDEXES = (
    'CREATE UNIQUE INDEX "neighbourhood_uri" ON "neighbourhood" ("uri") WHERE ("replaced_at" IS NULL)',
    'CREATE INDEX "follower_follows" ON "follower" ("neighbourhood", "peer", "endpoint") WHERE ("standing" = \'follows\')',
    'CREATE INDEX "follower_refused" ON "follower" ("at") WHERE ("standing" = \'refused\')',
    'CREATE INDEX "post_category_id" ON "post" ("category", "id")',
    'CREATE INDEX "post_public" ON "post" ("neighbourhood", "id") WHERE (("audience" = \'public\') AND ("root" IS NULL))',
    'CREATE INDEX "post_root_id" ON "post" ("root", "id") WHERE ("root" IS NOT NULL)',
    'CREATE INDEX "post_hidden" ON "post" ("hidden_at") WHERE ("hidden_at" IS NOT NULL)',
    'CREATE INDEX "post_place_post" ON "post_place" ("post")',
    'CREATE INDEX "next_door" ON "post_place" ("place", "post") WHERE ("next_door" AND NOT "parted")',
    'CREATE INDEX "place_hidden" ON "post_place" ("post") WHERE "hidden"',
    'CREATE INDEX "city_message_now" ON "city_message" ("ends_at") WHERE (("deleted_at" IS NULL) AND ("shown_at" IS NOT NULL))',
    'CREATE INDEX "city_message_coming" ON "city_message" ("begins_at") WHERE ((("deleted_at" IS NULL) AND ("shown_at" IS NULL)) AND ("uri" IS NOT NULL))',
    'CREATE INDEX "city_message_copy" ON "city_message_place" ("post") WHERE ("post" IS NOT NULL)',
    'CREATE INDEX "shared_answer_under" ON "shared_answer" ("message", "author") WHERE ("ended_at" IS NULL)',
    'CREATE UNIQUE INDEX "shared_answer_now" ON "shared_answer" ("post") WHERE ("ended_at" IS NULL)',
    'CREATE INDEX "unread" ON "notification" ("account") WHERE ("read_at" IS NULL)',
    'CREATE INDEX "delivery_waiting" ON "delivery" ("peer", "state", "epoch", "number") WHERE ("state" = \'waiting\')',
    'CREATE INDEX "delivery_aside" ON "delivery" ("peer", "state", "epoch", "number") WHERE ("state" NOT IN (\'waiting\', \'done\'))',
    'CREATE INDEX "delivery_object" ON "delivery" ("object")',
    'CREATE INDEX "delivery_activity" ON "delivery" ("activity") WHERE ("activity" IS NOT NULL)',
    'CREATE INDEX "inbound_waiting" ON "inbound" ("peer", "epoch", "number", "id") WHERE ("state" = \'waiting\')',
    'CREATE INDEX "inbound_settled" ON "inbound" ("state", "next_at") WHERE ("state" != \'waiting\')',
    'CREATE INDEX "inbound_not_taken" ON "inbound" ("peer", "id") WHERE (("state" != \'waiting\') AND ("state" != \'understood\'))',
)


def up(_migrator: object, db: peewee.Database) -> None:
    """Make every table, then the indexes that a column's own declaration cannot say."""
    sqlite = isinstance(db, peewee.SqliteDatabase)
    for table in TABLES:
        table._meta.without_rowid = sqlite and table in WITHOUT_ROWID
        manager = peewee.SchemaManager(table, database=db)
        manager.create_table(safe=False)
        manager.create_indexes(safe=False)
    for statement in INDEXES:
        db.execute_sql(statement)
