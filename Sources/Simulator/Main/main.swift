import ArgumentParser
import SimulationKernel

// Before anything that hashes: one seed is one run only if hashing repeats itself too.
if let seed = SeedNumber.first(in: CommandLine.arguments) {
    SimulatedExecutors.install(hashSeed: seed.value)
}
SimulatorCommand.main()
