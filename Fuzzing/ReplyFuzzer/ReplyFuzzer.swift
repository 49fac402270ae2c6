/// The function that libFuzzer, which provides this program's `main`, calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReplies(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzedReplies(UnsafeRawBufferPointer(start: bytes, count: count))?.check()
    return 0
}
