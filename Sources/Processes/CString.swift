internal import Foundation

#if canImport(Glibc)
    @preconcurrency internal import Glibc
#elseif canImport(Musl)
    @preconcurrency internal import Musl
#else
    internal import Darwin
#endif

/// A word of a command line or of the environment: any bytes except zero. A `String` would replace bytes that
/// are not UTF-8.
package struct CString: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ text: String) {
        bytes = Array(text.utf8)
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(copying pointer: UnsafePointer<CChar>) {
        bytes = Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
    }

    /// The words of this program's own command line, the program's name first.
    package static var commandLine: [CString] {
        (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0].map { CString(copying: $0) } }
    }

    /// The environment as it is now, word by word: `NAME=value`, and whatever else somebody put there.
    static var environment: [CString] {
        #if canImport(Darwin)
            var next = _NSGetEnviron().pointee
        #else
            var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
        #endif
        var words: [CString] = []
        while let word = next?.pointee {
            words.append(CString(copying: word))
            next = next?.advanced(by: 1)
        }
        return words
    }

    /// For a word of the environment: the bytes before the first `=`.
    var variableName: ArraySlice<UInt8> { bytes.prefix { $0 != UInt8(ascii: "=") } }

    /// For people to read. Bytes that are not UTF-8 are replaced.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Calls `body` with a null-terminated array of C strings.
    static func withPointers<Result>(
        to words: [CString], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
    ) throws -> Result {
        let pointers = words.map { strdup(($0.bytes + [0]).map(CChar.init(bitPattern:))) }
        defer { pointers.forEach { free($0) } }
        guard !pointers.contains(nil) else { throw SystemError("cannot start a process") }
        return try body(pointers + [nil])
    }
}
