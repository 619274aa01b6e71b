"""Which step can open which zone: exactly those of the matrix, whatever it tries."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyrage
import pytest

from concord.exceptions import ConcordError, IntegrityError, KeyCustodyError
from concord.key_files import KEY_BYTES
from concord.pipeline.keys import hand_out_keys
from concord.sealing import KeyRing, read_table, write_table
from concord.settings import PROJECT
from concord.steps import CONTENT, HOLDS, KEYMAPS, LANDING, QUARANTINE, VAULT, Step
from tests.support.small_feed import Clinic, client, night, opened, visit

ZONES = ("landing", "vault", "content", "quarantine", "keymaps")
MAY_READ = {
    Step.LAND: set(),
    Step.CHECK: {"landing", "vault", "content", "quarantine"},
    Step.LINK: {"vault"},
    Step.ASSAULTS: {"vault", "content"},
    Step.KEYMAP: {"vault", "keymaps"},
    Step.ASSEMBLE: {"content", "keymaps"},
    Step.GATE: {"vault"},
    Step.SCAN: {"vault", "quarantine"},
    Step.REPORT: set(),
}
FORBIDDEN = [(s, z) for s, z in product(Step, ZONES) if z not in MAY_READ[s]]
KEY_OF = {
    "landing": LANDING,
    "vault": VAULT,
    "content": CONTENT,
    "quarantine": QUARANTINE,
    "keymaps": KEYMAPS,
}
FORGED = pa.table({"forged": ["x"]})


class Home:
    """A data root with something in every sealed zone, and keys handed out by step."""

    def __init__(self, clinic: Clinic, handed: Path) -> None:
        self.county, self.handed = clinic.county, handed
        zones = clinic.county.zones
        keymap = zones.content / "keymaps" / "research" / "1" / "night"
        keymap.mkdir(parents=True)
        key = clinic.county.keys.zone_key("keymaps")
        write_table(pa.table({"n": [1]}), keymap / "persons.parquet", key)
        self.files = {
            "landing": next(zones.landing.rglob("*.age")),
            "vault": next(zones.vault.rglob("person.parquet")),
            "content": next((zones.content / "clinic").rglob("visit.parquet")),
            "quarantine": next(zones.quarantine.rglob("*.parquet")),
            "keymaps": keymap / "persons.parquet",
        }

    def keys(self, step: Step) -> Path:
        """Hand out a step's keys, once, and return their folder."""
        folder = self.handed / step
        if not folder.exists():
            hand_out_keys(self.county, [step], folder)
        return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("matrix")
    with opened(folder) as clinic:
        visits = [visit(number) for number in range(1, 200)]
        visits.append(visit(200, minutes=-1))
        clinic.check(night(0), [client(n) for n in range(1, 201)], visits)
        yield Home(clinic, folder / "handed")


def opens(path: Path, secret: bytes) -> bool:
    """Say whether the text of a key file, or its 32 bytes, opens a file of a zone."""
    if path.suffix == ".age":
        try:
            identity = pyrage.x25519.Identity.from_str(secret.decode().strip())
            pyrage.decrypt(path.read_bytes(), [identity])
        except (pyrage.IdentityError, pyrage.DecryptError, ValueError):
            return False
        return True
    try:
        key = bytes.fromhex(secret.decode().strip())
    except ValueError:
        return False
    try:
        read_table(path, key)
    except IntegrityError:
        return False
    return True


def by_name(ring: KeyRing, zone: str) -> str:
    """Ask a ring for the key of a zone; return it as the text of a key file."""
    return str(ring.identity()) if zone == "landing" else ring.zone_key(zone).hex()


def walk(files: dict[str, Path], folder: Path) -> set[str]:
    """Return every zone that anything in a folder of keys opens."""
    secrets = [path.read_bytes() for path in folder.iterdir()]
    return {z for z in ZONES for secret in secrets if opens(files[z], secret)}


@pytest.mark.parametrize("step", Step)
def test_a_step_opens_the_zones_of_the_matrix_and_no_other(
    home: Home, step: Step
) -> None:
    assert walk(home.files, home.keys(step)) == MAY_READ[step]


@pytest.mark.parametrize(("step", "zone"), FORBIDDEN)
def test_a_step_gets_no_forbidden_key_by_asking(
    home: Home, step: Step, zone: str
) -> None:
    handed = KeyRing(home.keys(step), handed_out=True)
    with pytest.raises(KeyCustodyError, match="hand it out"):
        by_name(handed, zone)
    acting = home.county.keys.acting(step)
    with pytest.raises(KeyCustodyError, match="may not hold"):
        by_name(acting, zone)
    assert not (handed.folder / KEY_OF[zone]).exists()


@pytest.mark.parametrize(("step", "zone"), list(product(Step, ZONES)))
def test_a_step_gets_what_it_needs_and_can_not_become_another(
    home: Home, step: Step, zone: str
) -> None:
    acting = home.county.keys.acting(step)
    if zone in MAY_READ[step]:
        assert opens(home.files[zone], by_name(acting, zone).encode())
    for other in set(Step) - {step}:
        with pytest.raises(KeyCustodyError, match="can't act as"):
            acting.acting(other)


@pytest.mark.parametrize(
    ("step", "zone"), [(s, z) for s, z in FORBIDDEN if z != "landing"]
)
def test_what_a_step_forges_in_a_forbidden_zone_is_refused(
    home: Home, step: Step, zone: str, tmp_path: Path
) -> None:
    true, rightful = home.files[zone], home.county.keys.zone_key(zone)
    held = [p.read_text().strip() for p in home.keys(step).glob("*.key")]
    keys = [bytes.fromhex(text) for text in held] or [os.urandom(KEY_BYTES)]
    forged = true.with_name(f"{step}-{tmp_path.name}.parquet")
    for key in keys:
        write_table(FORGED, forged, key)
        with pytest.raises(IntegrityError):
            read_table(forged, rightful)
    forged.unlink()
    forged.with_suffix(".key").unlink()


def test_but_for_two_no_step_holds_both_who_and_what() -> None:
    both = {step for step, held in HOLDS.items() if {VAULT, CONTENT} <= held}
    assert both == {Step.CHECK, Step.ASSAULTS}


def test_the_process_that_fetches_can_not_read_what_it_wrote(home: Home) -> None:
    """In a process of its own, which has the keys of fetching and nothing else."""
    script = (
        "import sys, json; from pathlib import Path\n"
        "from concord.pipeline import open_county\n"
        "from concord.exceptions import ConcordError\n"
        "told = []\n"
        "with open_county() as county:\n"
        "    county.keys.recipient()\n"
        "    vault = lambda: county.keys.zone_key('vault')\n"
        "    for ask in (county.keys.identity, vault):\n"
        "        try: ask(); told.append('opened')\n"
        "        except ConcordError as error: told.append(type(error).__name__)\n"
        "print(json.dumps(told))"
    )
    environment = {
        **os.environ,
        "CONCORD_HOME": str(home.county.settings.home),
        "CONCORD_PROJECT": str(home.county.settings.project),
        "CONCORD_KEYS": str(home.keys(Step.LAND)),
        "PYTHONPATH": f"{PROJECT / 'plugins'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["KeyCustodyError"] * 2


def test_each_step_of_a_feeds_night_works_with_its_own_keys_alone(
    tmp_path: Path,
) -> None:
    from concord import pipeline

    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        handed = {s: tmp_path / f"keys-{s}" for s in (Step.LAND, Step.CHECK)}
        for step, folder in handed.items():
            hand_out_keys(clinic.county, [step], folder)
        mine = clinic.county.settings.model_copy(update={"keys": handed[Step.LAND]})
        with pipeline.open_county(mine) as county:
            fetching = Clinic(county)
            fetching.land(night(1), {"client": [client(2)], "visit": [visit(2)]}, {})
            with pytest.raises(ConcordError):
                pipeline.check(county, "clinic", night(1))
        mine = mine.model_copy(update={"keys": handed[Step.CHECK]})
        with pipeline.open_county(mine) as county:
            assert pipeline.check(county, "clinic", night(1)).received == 2
