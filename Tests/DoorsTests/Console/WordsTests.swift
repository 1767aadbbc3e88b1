import Testing
import Wire

@testable import Server

@Suite struct `The console's words` {
    @Test func `group digits`() {
        #expect(grouped(0) == "0")
        #expect(grouped(999) == "999")
        #expect(grouped(1_000) == "1,000")
        #expect(grouped(1_234_567) == "1,234,567")
        #expect(grouped(-1_000) == "-1,000")
    }

    @Test func `count in the singular and in the plural`() {
        #expect(counted(1, "device", "devices") == "1 device")
        #expect(counted(0, "device", "devices") == "0 devices")
    }

    @Test func `cut long names so that both ends can be compared`() {
        #expect(middleCut("TH2-1", to: 22) == "TH2-1")
        let cut = middleCut("TH2-2026-0142-000037-ABCDEFGH", to: 16)
        #expect(cut.count == 16 && cut.hasPrefix("TH2-2026-0") && cut.hasSuffix("DEFGH"))
    }

    @Test(
        arguments: [
            (0, "just now"), (-45, "45 s ago"), (-600, "10 min ago"), (-7200, "2 h ago"), (-86_400 * 80, "80 days ago"),
            (86_400 * 80, "in 80 days"), (-31_536_000 * 10, "10 years ago"),
        ] as [(Int64, String)])
    func `say how long ago something was`(_ seconds: Int64, _ words: String) {
        let now = Timestamp(year: 2026, month: 11, day: 21)
        #expect(Times.relative(now.adding(seconds: seconds), now: now) == words)
    }

    @Test func `write instants in UTC, for machines too`() {
        let at = Timestamp(year: 2026, month: 11, day: 21, hour: 5, minute: 26, second: 34, millisecond: 123)
        #expect(Times.utc(at) == "2026-11-21 05:26:34 UTC")
        let markup = Times.element(at, now: at).markup
        #expect(markup.contains("datetime=\"2026-11-21T05:26:34.123Z\""))
        #expect(Times.element(Times.noEnd, now: at).markup == "no end")
    }

    @Test func `find the common name in a subject`() {
        #expect(CertificateWords.commonName("CN=Birth CA 1,O=Example") == "Birth CA 1")
        #expect(CertificateWords.commonName("O=Example, CN=x") == "x")
        #expect(CertificateWords.commonName("O=Example") == "O=Example")
    }
}
