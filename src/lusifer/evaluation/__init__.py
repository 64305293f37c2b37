"""Evaluation: tasks, scores with their intervals, tests of differences, diagnoses and the report
page.
"""
