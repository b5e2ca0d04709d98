"""Which usage falls to which charge (PRICING §1, §4)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from billflow.catalog import Catalog, FlatCharge, MatrixCharge
from billflow.reference.local_events import LocalEvent, localized
from billflow.reference.matrix import price_position
from billflow.reference.models import Member
from billflow.reference.stretches import Stretch


class FamilyUsage:
    """The usage of all accounts of a bill, each event by the clock of its own account, in order of use."""

    def __init__(self, catalog: Catalog, members: Iterable[Member]) -> None:
        self._events: defaultdict[tuple[str, str], list[LocalEvent]] = defaultdict(list)
        for member in members:
            for local in sorted(local_events(catalog, member), key=lambda local: local.order):
                self._events[member.account_id, local.event.subscription_id].append(local)

    def priced_by(self, stretch: Stretch) -> list[LocalEvent]:
        """The events that a charge prices; none for flat charges."""
        held = stretch.service.account_id, stretch.subscription.subscription_id
        return [local for local in self._events[held] if prices(stretch, local)]


def local_events(catalog: Catalog, member: Member) -> Sequence[LocalEvent]:
    """The usage of an account by its own clock, in the order given."""
    zone = ZoneInfo(member.timezone)
    return [localized(event, catalog, zone) for event in member.usage]


def prices(stretch: Stretch, local: LocalEvent) -> bool:
    """Whether an event falls to a stretch: its subscription, day of service, metric, `where`, and price in a matrix."""
    charge = stretch.charge
    if isinstance(charge, FlatCharge) or local.event.subscription_id != stretch.subscription.subscription_id:
        return False
    if not stretch.contains(local.day) or not local.is_metered_by(charge):
        return False
    return not isinstance(charge, MatrixCharge) or price_position(charge, local) is not None
