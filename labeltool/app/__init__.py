"""The pages: Label, Queue, Export, Stats, Audit. Streamlit runs `main.py`; what the pages show is worked out by plain functions beside it."""
