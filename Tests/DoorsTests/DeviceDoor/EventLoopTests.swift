import Testing

@testable import Server

@Suite struct `Event loops` {
    @Test(
        arguments: [
            ("Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n", 2), ("Cpus_allowed:\tff,ffffffff\n", 40),
            ("Cpus_allowed:\t00000000,00000100\n", 1), ("Cpus_allowed:\t0\n", nil), ("Name:\tx\n", nil),
        ] as [(String, Int?)])
    func `are as many as the processors that the process may use`(_ status: String, _ count: Int?) {
        #expect(EventLoops.allowed(in: status) == count)
    }
}
