"""OpenVLA: https://github.com/openvla/openvla"""
