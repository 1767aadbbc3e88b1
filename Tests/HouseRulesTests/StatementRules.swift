import Testing

/// What holds of SQL on both engines alike.
@Suite struct `A statement` {
    /// PostgreSQL counts `$2` as the second argument; SQLite, where `$2` is a name, as that which is met second.
    @Test(arguments: Repository.sources) func `names its arguments in the order in which they come`(
        _ file: Repository.File
    ) {
        for match in file.text.matches(of: /"(?:"")?\s*((?:SELECT|INSERT|UPDATE|DELETE|WITH)\s[^"\\]*)"/) {
            var seen = 0
            for number in match.output.1.matches(of: /\$([0-9]+)/).compactMap({ Int($0.output.1) }) {
                #expect(number <= seen + 1, "$\(number) before $\(seen + 1) in \(match.output.1)")
                seen = max(seen, number)
            }
        }
    }
}
