import Foundation

/// Ends a benchmark that does not finish; its processes and its server end with it.
enum TimeLimit {
    static func begin(seconds: Double) {
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: seconds)
            FileHandle.standardError.write(Data("not done within \(Int(seconds)) s\n".utf8))
            exit(1)
        }
    }
}
