"""Which texts and values are one answer: each is read into a form, and forms have keys.

Two answers are the same where their keys are equal, so the comparison is an equivalence by
construction. `answers` is the way in; `texts` has the readers of texts in their order, one module
for each kind of form. A reader that is not sure of a text leaves it to the next, and the last one
compares words: answers that are wrongly kept apart cost an explore, wrongly merged ones an answer.
"""
