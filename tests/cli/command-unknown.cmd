inspekt x
