"""The bills of one period from canonical tables: the one composition of all that is in this room.

A bill run stages it step by step; a preview, a comparison of catalogues and a period that is rated again compute it.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from billflow.billing import advance, bills, differences, holds, invoices, rating, taxes, usage
from billflow.billing.layout import looked_up
from billflow.billing.pricebook import Pricebook
from billflow.lake.schemas import CHARGES

FIRST_STEPS = ("held_before", "rated")
"""Frames that are to be computed before what follows from them is planned."""
_SUMS_ALONG_LINES = 12
ALL_STEPS = ("held_before", "owed", "groups", "rated", "priced", "held_late", "lines", "taxes")
"""Every frame that others follow from: of a few bills, planning anew costs more than keeping each."""


class PeriodBilling:
    """Accounts, subscriptions, usage and adjustments of a period under one pricebook → holds, lines, bills.

    Frames are made when they are asked for, once each, and nothing is computed before an action: persist `priced`
    where several of the frames that follow from it are wanted. As one query, planning takes Spark minutes: let
    `held_before` and `rated` be computed (written, or `in_steps`) before what follows from them is asked for.
    """

    def __init__(
        self,
        pricebook: Pricebook,
        placed: tuple[str, str],
        *,
        accounts: DataFrame,
        subscriptions: DataFrame,
        usage: DataFrame,
        adjustments: DataFrame | None = None,
        billed_ahead: DataFrame | None = None,
        billed_elsewhere: DataFrame | None = None,
        late: DataFrame | None = None,
        hierarchies: bool = True,
        buckets: int | None = None,
        run_id: str = "",
        correction: int = invoices.FIRST_INVOICE,
    ) -> None:
        """`placed` is (cycle, month). `accounts` (ACCOUNTS) are those whose bills are wanted, with whole families.

        `subscriptions` (SUBSCRIPTIONS) are all rows of these accounts, and maybe of others; `usage` (USAGE) and
        `adjustments` (ADJUSTMENTS) are those of the period, `billed_ahead` (INVOICE_LINES) are the bills before, of
        which days may come back, and `billed_elsewhere` is that of `holds.holds`. `late` (INVOICE_LINES) are
        differences of other months that go on these bills, at those months' prices.
        `hierarchies`: whether some bill may go to another account. `buckets` as in `bill_lines`. `run_id` is noted in
        rows of HELD; empty where no run writes them. `correction` is the number of bills that correct others.
        """
        self.pricebook, self.placed = pricebook, placed
        self.accounts, self.usage, self.adjustments = accounts, usage, adjustments
        self.hierarchies, self.buckets, self.run_id = hierarchies, buckets, run_id
        self.billed_ahead, self.late, self.correction = billed_ahead, late, correction
        self._subscriptions, self._billed_elsewhere = subscriptions, billed_elsewhere
        tops = looked_up(accounts.select(*holds.ACCOUNT, "invoiced_account_id"), buckets)
        self.subscriptions = subscriptions.drop("invoiced_account_id").join(tops, holds.ACCOUNT, "inner")

    @cached_property
    def prices(self) -> DataFrame:
        """RATES of the period."""
        return self.pricebook.frame(self.accounts.sparkSession)

    @cached_property
    def held_before(self) -> DataFrame:
        """HELD: accounts that cannot be billed, seen before anything is priced."""
        found = holds.holds(
            self.accounts,
            self._subscriptions,
            self.prices,
            self.pricebook,
            billed_elsewhere=self._billed_elsewhere,
            hierarchies=self.hierarchies,
            buckets=self.buckets,
        )
        return self._one_reason_each(found)

    @cached_property
    def owed(self) -> DataFrame:
        """What `billing.rating.owed_charges` gives: charges in force of accounts that are not held."""
        billable = holds.without(self.subscriptions, self.held_before)
        return rating.owed_charges(billable, self.pricebook)

    @cached_property
    def groups(self) -> DataFrame:
        """Usage summed to what charges ask for (`billing.usage.grouped`)."""
        return usage.grouped(self._billable_usage, self.pricebook)

    @cached_property
    def rated(self) -> DataFrame:
        """CHARGES: what each owed charge is for."""
        # Of usage that is told apart by day or dimension there may be as many groups as events.
        groups = looked_up(self.groups, self.buckets) if usage.has_one_group_each(self.pricebook) else self.groups
        rows = rating.rated(self.owed, groups, self._billable_usage, self.pricebook)
        own = rows.select(*[F.col(field.name).cast(field.dataType).alias(field.name) for field in CHARGES])
        if self.billed_ahead is None:
            return own
        back = advance.credits_of_advance(self.billed_ahead, self.subscriptions, self.prices, self.pricebook)
        served = self.accounts.select(*holds.ACCOUNT)
        both = own.unionByName(holds.without(back, self.held_before).join(served, holds.ACCOUNT, "left_semi"))
        return both.repartition(self.buckets, "account_id") if self.buckets else both

    @cached_property
    def priced(self) -> DataFrame:
        """The lines of all bills, those that cannot be billed among them (`billing.bills.bill_lines`)."""
        held, adjustments = self.held_before, self.adjustments
        own = bills.bill_lines(
            self.rated,
            self.pricebook,
            accounts=holds.without(self.accounts, held),
            subscriptions=holds.without(self.subscriptions, held),
            adjustments=None if adjustments is None else holds.without(adjustments, held),
            hierarchies=self.hierarchies,
            buckets=self.buckets,
        )
        if self.late is None:
            return own
        return differences.with_differences(own, holds.without(self.late, held), self.buckets)

    def in_steps(
        self,
        frames: Sequence[str] = FIRST_STEPS,
        kept: Callable[[DataFrame], DataFrame] = lambda frame: frame.localCheckpoint(),
    ) -> "PeriodBilling":
        """The same billing, with `frames` computed now, one after the other, each as `kept` keeps its rows.

        By default on the executors' disks.
        """
        for name in frames:
            setattr(self, name, kept(getattr(self, name)))
        return self

    @cached_property
    def held_late(self) -> DataFrame:
        """HELD: accounts with a line that has no exact amount or no tax, or with differences in another currency."""
        return self.held_for(self.priced)

    def held_for(self, lines: DataFrame) -> DataFrame:
        """`held_late`, as `priced` or `lines` of accounts that are to be held too tell it."""
        found = holds.unbillable(lines)
        if self.late is not None:
            found = found.unionByName(differences.in_other_currency(self.late, self.accounts, self.pricebook))
        return self._one_reason_each(found)

    def without_held(self, held: DataFrame) -> "PeriodBilling":
        """The same billing, with other `lines`: those of `held` (HELD) go out no more."""
        self.held_late = held
        del self.lines
        return self

    @cached_property
    def lines(self) -> DataFrame:
        """INVOICE_LINES of the bills that go out."""
        sound = holds.without(self.priced, self.held_late)
        if self._only_adds:
            return invoices.with_invoice_id(sound, F.lit(0), *self.placed, self.correction)
        summed = self._with_total(sound)
        return invoices.with_invoice_id(summed, F.col("_total"), *self.placed, self.correction).drop("_total")

    @property
    def _only_adds(self) -> bool:
        """Whether no bill can be a credit: what each comes to need not be known for its lines then."""
        nothing_given = self.adjustments is None and self.billed_ahead is None and self.late is None
        return nothing_given and bills.only_add(self.pricebook)

    def _with_total(self, lines: DataFrame) -> DataFrame:
        currencies = self.pricebook.currencies
        if self.reads_priced_twice:
            return invoices.with_joined_total(lines, currencies)
        taxed = [(category, rate) for category, rate in sorted(taxes.taxes_due(self.pricebook)) if rate]
        return invoices.with_total(lines, taxed, currencies)

    @property
    def reads_priced_twice(self) -> bool:
        """Whether `lines` follow from `priced` by way of the sums of its taxes: keep it then.

        Differences bear the taxes of other months, which nobody knows beforehand; each tax is a sum along all lines.
        """
        many_taxes = len(taxes.taxes_due(self.pricebook)) > _SUMS_ALONG_LINES
        return self.late is not None or (many_taxes and not self._only_adds)

    @cached_property
    def taxes(self) -> DataFrame:
        """INVOICE_TAXES."""
        return invoices.invoice_taxes(self.lines, self.pricebook.currencies, taxes.reasons(self.pricebook))

    @cached_property
    def invoices(self) -> DataFrame:
        """INVOICES as drafts."""
        terms = self.pricebook.settings.payment_terms_days
        return invoices.invoices(self.taxes, self.pricebook.period, terms)

    @cached_property
    def judged(self) -> DataFrame:
        """Groups of usage with `cause`, `events` and `quantity_sum` (`billing.rating.judged`)."""
        return rating.judged(self.groups, looked_up(self.owed, self.buckets), self.pricebook)

    @property
    def unrated(self) -> DataFrame:
        """Those that no charge prices."""
        return self.judged.where(F.col("cause").isNotNull())

    @cached_property
    def _billable_usage(self) -> DataFrame:
        return holds.without(self.usage, self.held_before)

    def _one_reason_each(self, found: DataFrame) -> DataFrame:
        return holds.one_reason_each(found, *self.placed, self.run_id)
