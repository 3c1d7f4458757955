"""Loss and size: every loss of a sweep on log axes, the floor, the law through them, and the prediction it makes."""

from __future__ import annotations

from llm.scaling.ablations import title_of
from llm.scaling.counting import COUNTS
from llm.scaling.laws import law_to_dict
from llm.scaling.table import EARLY, to_csv
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.scaling.points import own_losses, point_endpoints, refs_of
from llm.ui.scaling.sweeps import Sweeps, asked, folder_of


def build_loss_and_size(sweeps: Sweeps) -> View:
    """The view; its endpoints hand out the points of a sweep and the laws through them."""

    def read_sweep(request: Request) -> Answer:
        """All points of a sweep, also as a CSV file."""
        session = sweeps.sessions.of(request)
        whose, table = asked(sweeps, session, request)
        refs = {row.point: f"sweep:{row.point}" for row in table.rows} if whose == "mine" else refs_of(sweeps, session)
        return {
            "whose": whose,
            "mine": bool(session.sweep) or (folder_of(session) / "plan.json").is_file(),
            "text": table.plan.corpus,
            "n_ctx": table.plan.n_ctx,
            "floor": table.floor,
            "early": EARLY,
            "counts": list(COUNTS),
            "points": [
                {
                    "point": row.point,
                    "title": title_of(row.point),
                    "ref": refs.get(row.point, ""),
                    "step": row.tokens // (table.plan.batch_size * table.plan.n_ctx),
                    "width": row.width,
                    "seed": row.seed,
                    "learning_rate": row.learning_rate,
                    "params": [row.params[count] for count in COUNTS],
                    "tokens": row.tokens,
                    "flops": row.flops,
                    "loss": row.loss,
                    "seconds": row.seconds,
                    "last": row.last,
                }
                for row in table.rows
            ],
            "again": own_losses(sweeps, session) if whose == "shipped" else [],
            "csv": to_csv(table.rows),
        }

    def fit_sweep(request: Request) -> Answer:
        """One law through a sweep, those of the bootstrap around it, and its prediction of the largest size."""
        _, table = asked(sweeps, sweeps.sessions.of(request), request)
        count = inputs.choice(request, "count", COUNTS, "all")
        return law_to_dict(sweeps.law(table, count, known=inputs.flag(request, "known", True)))

    return View("Loss and size", [read_sweep, fit_sweep, *point_endpoints(sweeps)])
