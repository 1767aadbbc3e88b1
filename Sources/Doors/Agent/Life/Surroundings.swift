import Keys
import Logging
import Rollout
import Wire

/// What the agent is given, so that a test can give it something else: disk, keys, network, clock and chance.
package struct Surroundings: Sendable {
    package var disk: any Disk
    package var keys: any KeyStore
    package var transport: DeviceTransport
    package var now: @Sendable () -> Timestamp
    /// So many bytes from a cryptographic generator.
    package var random: @Sendable (Int) -> [UInt8]
    package var logger: Logger

    package init(
        disk: any Disk, keys: any KeyStore, transport: DeviceTransport, now: @escaping @Sendable () -> Timestamp,
        random: @escaping @Sendable (Int) -> [UInt8], logger: Logger
    ) {
        self.disk = disk
        self.keys = keys
        self.transport = transport
        self.now = now
        self.random = random
        self.logger = logger
    }
}

package struct AgentSettings: Sendable {
    /// Between two contacts; nil leaves it to the service.
    package var interval: Duration?
    /// The first contact after a start comes within so long, at random.
    package var startSpread: Duration = .zero
    /// Where the slots lie; nil is folders in the agent's home.
    package var board: (any Board)?
    /// What has the device started anew, where that takes more than starting this program.
    package var restart = ["systemctl", "reboot"]
    /// Units that have to be active with a new image.
    package var units: HealthUnits?
    /// Says whether a new image is healthy.
    package var health: HealthCommand?
    /// How often a new image tries to reach the service, which it has to, and the pause between; 0 leaves it out.
    package var healthAttempts = 3
    package var healthPause: Duration = .seconds(2)
    /// How often a board is asked that does not answer, with the same pause between.
    package var boardAttempts = 15
    /// When a release may be installed; nil is ever.
    package var window: MaintenanceWindow?
    /// Where the device is: "Europe/Berlin".
    package var timeZone: String?
    /// Most bytes of an artifact.
    package var largestArtifact = 4 << 30
    /// The layer of the product that the slots hold; update metadata of another's signers is none for them.
    package var layer = "os"
    /// Versions of the bootloader and of the network module; nil where nobody says.
    package var bootloader: String?
    package var network: String?
    package init() {}
}

/// What the agent does after a round.
package enum Next: Sendable, Equatable {
    case after(Duration)
    /// Another round is due at once, because something changed.
    case now
    /// Start anew, into the slot that is active now.
    case restart
    /// There is nothing more to do, ever. One sentence why.
    case finished(String)
}
