from decimal import Decimal
from pathlib import Path

import pytest

from billflow_tests.acceptance.energy_oracle import expected_invoices

DATA = (Path(__file__).parents[2] / ".." / "shared" / "data").resolve()


pytestmark = pytest.mark.skipif(not (DATA / "smart_meters").is_dir(), reason=f"the real readings are not there: {DATA}")


@pytest.fixture(scope="module")
def invoices():
    return expected_invoices(DATA)


class TestExpectedInvoices:
    def test_january_2013(self, invoices):
        january = [invoice for (_, month), invoice in invoices.items() if month == "2013-01"]
        energy = [
            quantity
            for invoice in january
            for charge, (quantity, _) in invoice.lines.items()
            if charge != "customer_charge"
        ]
        assert len(january) == 41
        assert sum(energy) == Decimal("12005.809")

    def test_first_month_of_a_household_is_prorated(self, invoices):
        """Household 10006414 began on 2012-02-10: 20 of 29 days."""
        assert invoices["10006414", "2012-02"].lines["customer_charge"][1] == Decimal("6.90")
