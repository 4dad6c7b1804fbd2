"""The pages: Label, Queue, Export, Stats, Audit. Streamlit runs `main.py`; plain functions beside it work out what they show."""
