"""Checks of the lessons' exercises: a file per lesson, a function per exercise.

A check tries an answer on fresh inputs and prints in a sentence what is wrong with it. It never raises, so that a
notebook with unanswered exercises runs to its end.

Example:
    >>> from vae_keras.checks import lesson_02 as check
    >>> check.kl(my_kl)
    Exercise 2.1: right.
"""
