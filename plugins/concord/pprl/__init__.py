"""Encode person records without names, and match such encodings.

Light on purpose: an agency runs the encoder offline, where neither Airflow nor an
engine is installed.
"""
