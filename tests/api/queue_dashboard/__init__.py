"""RQ Dashboard at /rq: who gets in, what it may change, and that nothing runs in its pages."""
