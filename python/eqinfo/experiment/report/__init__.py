"""The paper's study on one machine, as a folder of figures and one page (``eqinfo report``)."""
