"""Metrics that a constant predictor cannot win unseen. Pure numpy.

`metric` says what a metric is; each other module holds one family; `table` computes all of them.
"""
