import Testing
import Wire

@Suite struct `A name` {
    @Test(arguments: ["a", "7", "thermostat-2", "TH-0001", "a.b_c-d", String(repeating: "x", count: 64)])
    func `is taken as it is`(_ text: String) throws {
        #expect(try DeviceID(text).text == text)
        #expect("\(try DeviceID(text))" == text)
    }

    @Test(arguments: [
        "", "-a", ".", ".a", "_a", "a b", "a/b", "a\\b", "a:b", "a\n", "\0", "ä", "а", "a%41", "../etc",
        String(repeating: "x", count: 65),
    ]) func `is refused if it could not stand in a URL, a file name and a certificate`(_ text: String) {
        #expect(!DeviceID.isValid(text))
        #expect { try DeviceID(text) } throws: { ($0 as? Refusal)?.code == .malformed }
        #expect(throws: Refusal.self) { try CanonicalJSON.decode([DeviceID].self, from: CanonicalJSON.encode([text])) }
    }

    @Test func `that is too long is not repeated whole`() throws {
        let long = String(repeating: "x", count: 100_000)
        let refusal = try #require(throws: Refusal.self) { try DeviceID(long) }
        #expect(refusal.detail.utf8.count < 200)
    }

    /// The example of RFC 9562, appendix A.6.
    @Test func `that is ordered by time is a UUID of version 7`() {
        let at = Timestamp(milliseconds: 0x017F_22E2_79B0)
        let random: [UInt8] = [0x0C, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F]
        #expect(DeviceID.timeOrdered(at: at, random: random).text == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
        let later = DeviceID.timeOrdered(
            at: Timestamp(milliseconds: at.milliseconds + 1), random: [UInt8](repeating: 0, count: 10))
        #expect(DeviceID.timeOrdered(at: at, random: [UInt8](repeating: 255, count: 10)) < later)
    }
}
