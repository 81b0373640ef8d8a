"""Evaluation of retouches over folders: pairs by name, measures, tables and a page to look at."""
