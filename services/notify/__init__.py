"""Notify: everyone knows where things stand."""
