"""RDT: https://github.com/thu-ml/RoboticsDiffusionTransformer"""
