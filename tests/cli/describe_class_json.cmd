describe TaskArithmeticAlgorithm --json
