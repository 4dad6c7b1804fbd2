"""The pages: Label, Export, Audit. Streamlit runs `main.py`; what the pages show is worked out by plain functions beside it."""
