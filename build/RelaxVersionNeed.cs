// An MSBuild inline task (see libtorch.targets), compiled by the build itself.
//
// TorchSharp's native library is built with GCC 13, whose <iostream> leaves one undefined symbol of version GLIBCXX_3.4.32,
// to which no relocation refers. Debian 12 and Ubuntu 22.04 stop at 3.4.30 and refuse to load the library. Marking that one version
// requirement as weak (VER_FLG_WEAK) is all it takes; on newer systems the flag does nothing.
using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

public sealed class RelaxVersionNeed : Task
{
    private const uint VerNeed = 0x6FFFFFFE, VerSym = 0x6FFFFFFF, DynSym = 11, Rela = 4;
    private const ushort Weak = 2;
    private const string Library = "libstdc++.so.6", Version = "GLIBCXX_3.4.32";

    [Required] public ITaskItem[] Files { get; set; } = Array.Empty<ITaskItem>();

    public override bool Execute()
    {
        foreach (var file in Files)
        {
            try { Relax(file.GetMetadata("FullPath")); }
            catch (Exception e) when (e is InvalidDataException || e is IndexOutOfRangeException || e is ArgumentException || e is OverflowException)
            {
                Log.LogError("'{0}' is not the ELF library this step knows ({1}). Nothing was changed. See build/RelaxVersionNeed.cs.", file.ItemSpec, e.Message);
            }
        }
        return !Log.HasLoggedErrors;
    }

    private void Relax(string path)
    {
        var elf = File.ReadAllBytes(path);
        if (!(elf[0] == 0x7F && elf[1] == 'E' && elf[2] == 'L' && elf[3] == 'F' && elf[4] == 2 && elf[5] == 1 && U16(elf, 0x12) == 62))
            throw new InvalidDataException("expected a 64-bit little-endian x86-64 ELF file");
        long table = U64(elf, 0x28);
        int size = U16(elf, 0x3A), count = U16(elf, 0x3C);
        if (size != 64) throw new InvalidDataException("section headers are " + size + " bytes, expected 64");

        long need = Single(elf, table, count, VerNeed), sym = Single(elf, table, count, VerSym), dyn = Single(elf, table, count, DynSym);
        long strings = U64(elf, table + 64L * U32(elf, need + 0x28) + 0x18);
        long record = U64(elf, need + 0x18);
        long target = -1;
        for (uint n = U32(elf, need + 0x2C); n > 0; n--)
        {
            var fromLibrary = Text(elf, strings + U32(elf, record + 4)) == Library;
            long entry = record + U32(elf, record + 8);
            for (int a = U16(elf, record + 2); a > 0; a--)
            {
                if (fromLibrary && Text(elf, strings + U32(elf, entry + 8)) == Version && U32(elf, entry) == 0x0297F842)
                {
                    if (target >= 0) throw new InvalidDataException("more than one requirement of " + Version);
                    target = entry;
                }
                entry += U32(elf, entry + 12);
            }
            record += U32(elf, record + 12);
        }
        if (target < 0) { Log.LogMessage("{0} asks for no {1}: nothing to do", path, Version); return; }
        if ((U16(elf, target + 4) & Weak) != 0) return;

        Guard(elf, table, count, sym, dyn, U16(elf, target + 6));
        elf[target + 4] |= (byte)Weak;

        // Renamed over, never written in place: the file may be a hard link into the package cache. The time stays the package's,
        // so that the next build does not copy the original over it again.
        var aside = path + "." + Guid.NewGuid().ToString("N");
        var written = File.GetLastWriteTimeUtc(path);
        File.Copy(path, aside);
        File.WriteAllBytes(aside, elf);
        File.SetLastWriteTimeUtc(aside, written);
        File.Delete(path);
        File.Move(aside, path);
        Log.LogMessage(MessageImportance.Normal, "{0}: {1} is now a weak requirement", path, Version);
    }

    // The flag is harmless only while exactly one undefined symbol has the version and nothing is relocated against it.
    private static void Guard(byte[] elf, long table, int count, long sym, long dyn, int version)
    {
        long versions = U64(elf, sym + 0x18), symbols = U64(elf, dyn + 0x18), total = U64(elf, sym + 0x20) / 2;
        long found = -1;
        for (long i = 0; i < total; i++)
        {
            if ((U16(elf, versions + 2 * i) & 0x7FFF) != version) continue;
            if (found >= 0) throw new InvalidDataException("more than one symbol of " + Version);
            found = i;
        }
        if (found < 0 || U16(elf, symbols + 24 * found + 6) != 0) throw new InvalidDataException("no undefined symbol of " + Version);
        for (int s = 0; s < count; s++)
        {
            long header = table + 64L * s;
            if (U32(elf, header + 4) != Rela) continue;
            long from = U64(elf, header + 0x18), end = from + U64(elf, header + 0x20);
            for (long r = from; r < end; r += 24)
                if (U64(elf, r + 8) >> 32 == found) throw new InvalidDataException("a relocation needs the symbol of " + Version);
        }
    }

    private static long Single(byte[] elf, long table, int count, uint type)
    {
        long found = -1;
        for (int s = 0; s < count; s++)
        {
            if (U32(elf, table + 64L * s + 4) != type) continue;
            if (found >= 0) throw new InvalidDataException("two sections of type 0x" + type.ToString("X"));
            found = table + 64L * s;
        }
        return found >= 0 ? found : throw new InvalidDataException("no section of type 0x" + type.ToString("X"));
    }

    private static int U16(byte[] b, long at) => BitConverter.ToUInt16(b, checked((int)at));
    private static uint U32(byte[] b, long at) => BitConverter.ToUInt32(b, checked((int)at));
    private static long U64(byte[] b, long at) => checked((long)BitConverter.ToUInt64(b, checked((int)at)));

    private static string Text(byte[] b, long at)
    {
        var end = Array.IndexOf(b, (byte)0, checked((int)at));
        return Encoding.ASCII.GetString(b, (int)at, end - (int)at);
    }
}
