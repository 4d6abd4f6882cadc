"""Metrics that a constant predictor cannot win unnoticed. Pure numpy.

`metric` says what a metric is; each other module has one family; `table` computes them all.
"""
