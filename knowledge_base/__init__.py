"""The search library of the help centre: texts in, ranked hits out.

It knows nothing of the web, of the database or of settings; whoever calls it hands over documents and reader rights.
"""
