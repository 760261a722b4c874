"""Every table of the program, in the order in which they are made. A test fails on one that is missing here."""

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub.tables import (
    ActivityTable,
    ActorKeyTable,
    DeliveryTable,
    HeardTable,
    HostTable,
    InboundTable,
    KnownSchemeTable,
    RemoteActorTable,
    RetiredKeyTable,
    StrangerTable,
)
from fedhood.core.access.tables import AttemptTable, LinkTable, PassphraseTable, RightTable, SessionTable
from fedhood.core.accounts.tables import AccountTable
from fedhood.core.city_messages.tables import (
    CityAnswerTable,
    CityMessagePlaceTable,
    CityMessageTable,
    CityMessageVersionTable,
    SharedAnswerTable,
)
from fedhood.core.help_requests.tables import (
    HelpRequestTable,
    MeetingTable,
    MessageTable,
    NoteTable,
    OfferTable,
    PrivateThreadTable,
    RevisionTable,
)
from fedhood.core.households.tables import CodeTable, HouseholdTable, MembershipTable, SheetTable
from fedhood.core.hubs.tables import HubDayTable, HubMemberTable, HubPassageTable
from fedhood.core.interactions.tables import ThanksTable
from fedhood.core.metrics.tables import CityAreaTable, CityAreaVersionTable, IssuedReportTable, ReceivedReportTable
from fedhood.core.moderation.tables import ActionTable, ReportTable
from fedhood.core.neighbourhoods.tables import NeighbourhoodTable, PairTable
from fedhood.core.notifications.tables import NotificationTable
from fedhood.core.peers.tables import AgreementTable, FollowedListTable, ListedTable, PeerTable, PublishedListTable
from fedhood.core.posts.tables import PlaceTable, PostTable, VersionTable
from fedhood.core.relations.tables import BlockTable
from fedhood.core.visitors.tables import FollowerTable
from fedhood.kernel.facts import FactTable
from fedhood.kernel.jobs import JobTable
from fedhood.kernel.state import InstanceTable, RunTable, SlotTable

if TYPE_CHECKING:
    from fedhood.kernel.tables import Table

TABLES: tuple["type[Table]", ...] = (
    # kernel
    FactTable,
    JobTable,
    SlotTable,
    RunTable,
    InstanceTable,
    # core
    NeighbourhoodTable,
    PairTable,
    AccountTable,
    RightTable,
    PassphraseTable,
    SessionTable,
    LinkTable,
    AttemptTable,
    PeerTable,
    AgreementTable,
    PublishedListTable,
    FollowedListTable,
    ListedTable,
    FollowerTable,
    HouseholdTable,
    MembershipTable,
    SheetTable,
    CodeTable,
    BlockTable,
    HubMemberTable,
    HubPassageTable,
    HubDayTable,
    PostTable,
    PlaceTable,
    VersionTable,
    ThanksTable,
    HelpRequestTable,
    RevisionTable,
    NoteTable,
    OfferTable,
    PrivateThreadTable,
    MessageTable,
    MeetingTable,
    CityMessageTable,
    CityMessageVersionTable,
    CityMessagePlaceTable,
    SharedAnswerTable,
    CityAnswerTable,
    NotificationTable,
    ReportTable,
    ActionTable,
    IssuedReportTable,
    CityAreaTable,
    CityAreaVersionTable,
    ReceivedReportTable,
    # adapters
    ActorKeyTable,
    RetiredKeyTable,
    RemoteActorTable,
    StrangerTable,
    ActivityTable,
    DeliveryTable,
    HeardTable,
    HostTable,
    InboundTable,
    KnownSchemeTable,
)
