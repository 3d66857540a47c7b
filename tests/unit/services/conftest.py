import pytest

from tests.unit.services.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()
