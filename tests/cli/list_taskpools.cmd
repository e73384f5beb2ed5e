list taskpools
