#if GRDB
    public import GRDB
    public import Holdfast

    /// A fence is bound to a statement, and read from a row, as an `INTEGER`.
    extension FencingToken: DatabaseValueConvertible {}
#else
    #error("HoldfastGRDB needs its trait: .package(…, traits: [\"GRDB\"]) or --enable-all-traits")
#endif
