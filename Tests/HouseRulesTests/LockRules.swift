import Testing

@Suite struct `A lock` {
    /// Why, stands in Sources/Foundations/Wire/Locked.swift.
    @Test(arguments: Repository.sources) func `is the one that the house has`(_ file: Repository.File) {
        for match in file.text.matches(
            of: /\b(?:Mutex<|Mutex\(|NIOLock|OSAllocatedUnfairLock|NSLock|pthread_mutex_init)/)
        {
            #expect(
                file.path == "Sources/Foundations/Wire/Locked.swift" && match.output == "pthread_mutex_init",
                "\(file.path) has \(match.output): use Locked")
        }
    }
}
