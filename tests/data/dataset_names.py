"""Names of the datasets that are downloaded."""

ABSENT = ["cifar10", "fashionmnist", "gtsrb"]
