import AsyncHTTPClient
import NIOCore

/// The connections of one process, shared by all its device clients: HTTP/1.1 over TLS, pooled per identity.
package struct DeviceTransport: Sendable {
    package let http: HTTPClient
    /// Told of every exchange when it is over, with what it failed of: for whoever measures.
    package var observe: (@Sendable (Duration, ContactFailure?) -> Void)?

    /// Bounds of one exchange.
    package struct Limits: Sendable {
        package var connect: Duration = .seconds(10)
        /// Longest silence while an answer arrives.
        package var silence: Duration = .seconds(30)
        /// A whole exchange other than an artifact.
        package var exchange: Duration = .seconds(60)
        /// An unused connection is closed after that.
        package var idle: Duration = .seconds(60)
        /// Slowest artifact that is waited for, in bytes a second on average, after `silence`.
        package var slowestBytesPerSecond = 256
        /// Fastest that an artifact is fetched, in bytes a second on average; nil is as fast as it comes.
        package var fastestBytesPerSecond: Int?
        /// Least that may be said there: below it a fetch would look like silence.
        package static let leastFastestBytesPerSecond = 8192
        package init() {}
    }
    package let limits: Limits

    package init(limits: Limits = Limits(), group: any EventLoopGroup = HTTPClient.defaultEventLoopGroup) {
        self.limits = limits
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: TimeAmount(limits.connect), read: TimeAmount(limits.silence))
        configuration.connectionPool = .init(
            idleTimeout: TimeAmount(limits.idle), concurrentHTTP1ConnectionsPerHostSoftLimit: 2)
        // A failed connection is reported at once; when to try again is the caller's affair.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
    }

    /// For a program that is one device with one connection at a time: one thread for it, whatever the machine has. Call it before
    /// anything else.
    package static func beOneDevice() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
    }

    package func shutdown() async { try? await http.shutdown() }
}
