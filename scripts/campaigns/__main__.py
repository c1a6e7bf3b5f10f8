"""Runs the campaigns: python3 scripts/campaigns [--quick] [--seed N] [NAME…] (scripts/campaign sets up first)."""

import os
import pathlib
import random
import sys
import time

from bad_input import BadInput, Big
from campaign import Options, arguments
from concurrency import Concurrency
from crash import Crash
from edits import Edits
from embedder import Embedder
from fault import Fault
from forecast import Forecast
from life import Life
from limits import Limits
from moves import Moves
from outage import Outage
from reading import Reading
from rebuild import Rebuild
from retention import Retention
from saving import Saving
from service import ServiceCampaign
from sources import Sources
from storm import Storm
from tamper import Tamper
from webhook import Webhook

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAMPAIGNS = {
    campaign.name: campaign
    for campaign in (
        Crash, Fault, Reading, Embedder, Sources, Moves, Life, Edits, BadInput, Rebuild, Retention, Forecast, Concurrency,
        Tamper, Webhook, Storm, ServiceCampaign, Saving, Outage, Limits, Big,
    )
}
ONLY_WHEN_NAMED = {Big.name}


def main() -> int:
    parser = arguments()
    chosen = parser.parse_args()
    if chosen.list:
        for name, campaign in CAMPAIGNS.items():
            print(f"{name:12} {campaign.summary}")
        return 0
    unknown = [name for name in chosen.names if name not in CAMPAIGNS]
    if unknown:
        parser.error(f"there is no campaign {unknown[0]}; there are {', '.join(CAMPAIGNS)}")
    binary = chosen.binary or os.environ.get("FRESHET_BINARY") or str(ROOT / ".build" / "release" / "freshet")
    if not os.access(binary, os.X_OK):
        parser.error(f"{binary} cannot be run; build it with scripts/build, or name another with --binary")
    corpus = chosen.corpus or (pathlib.Path(os.environ["FRESHET_CORPUS"]) if "FRESHET_CORPUS" in os.environ else None)
    options = Options(
        binary=os.path.abspath(binary),
        seed=chosen.seed if chosen.seed is not None else random.randrange(1, 10**6),
        quick=chosen.quick,
        case=chosen.case,
        corpus=corpus,
        keep=chosen.keep,
    )
    start = time.monotonic()
    names = chosen.names or [name for name in CAMPAIGNS if name not in ONLY_WHEN_NAMED]
    failed = [name for name in names if not CAMPAIGNS[name](options).run()]
    if len(names) > 1:
        print(f"campaigns: {len(names) - len(failed)} passed, {len(failed)} failed"
              f"{': ' + ', '.join(failed) if failed else ''} ({time.monotonic() - start:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
