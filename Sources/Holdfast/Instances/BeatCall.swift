import RedisLink

extension ScriptCall<Int> {
    /// How many silent instances were forgotten.
    static func beat(_ instance: String, _ description: String, silence: Duration, keys: KeySpace) -> Self {
        Self(
            Scripts.beat, keys: keys.instances,
            [.string(instance), .string(description), .init(milliseconds: silence)], read: \.count)
    }
}
