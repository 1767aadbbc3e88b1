import ArgumentParser

/// Every command of the program.
enum Subcommands {
    static let all: [any ParsableCommand.Type] =
        [
            ServeCommand.self, StationCommand.self, VerifyCommand.self, MirrorCommand.self, WitnessCommand.self,
            AuditCommand.self,
            BackupCommand.self, RestoreCommand.self, FleetCommand.self, DemoCommand.self, KeysCommand.self,
        ] + RestCommands.all
}
