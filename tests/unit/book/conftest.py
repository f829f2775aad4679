"""A book of which old nights can go, and the one of which they went."""

from __future__ import annotations

import pytest
from pruning import NIGHTS, TOLD, deliver

from place import Place


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Four sealed nights, and a fifth delivered; copied, never used."""
    place = Place(tmp_path_factory.mktemp("prune")).made()
    deliver(place)
    for day in NIGHTS[:4]:
        place.night(day)
    return place


@pytest.fixture(scope="session")
def pruned(begun: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The fifth night took the decision to keep the last two nights, and the files are gone."""
    place = begun.copied(tmp_path_factory.mktemp("pruned") / "house")
    assert place.say("prune", "--book", str(place.book), "--keep-nights", "2", *TOLD).code == 0
    place.night(NIGHTS[4])
    return place
