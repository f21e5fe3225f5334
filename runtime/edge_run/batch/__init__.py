"""Archives too large for one machine: shards for any batch system, Ray for clusters, and one table from all of them.

Every door to it is ``edge-run batch``. Shards and Ray call the same function (:mod:`edge_run.batch.work`) and write the
same rows (:mod:`edge_run.batch.rows`), so that merging gives the same bytes whichever way they were made.
"""
