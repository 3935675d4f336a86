"""Whole data sets redrawn: folders, WebDataset shards, Parquet files, lists of paths; on one machine or many.

    sources (what is there, in parts) -> work (a part redrawn by a worker) -> manifest (what is done) -> provenance

A part is redrawn by :func:`~stylespace.pipelines.dataset.work.Worker.do` wherever it runs; ``pool`` (processes of this machine) and
``on_ray`` (a cluster) only carry parts there and outcomes back.
"""

from stylespace.pipelines.dataset.run import Plan, Totals, restyle

__all__ = ["Plan", "Totals", "restyle"]
