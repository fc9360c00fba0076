// Command reader reads what a ledger hands out with nothing but Go's own packages for
// transparency logs, golang.org/x/mod/sumdb/note and tlog, which know nothing of Counterfoil.
//
//	reader export FOLDER VKEY            check a folder's notes, tiles, entries and proofs
//	reader proof FILE VKEY ENTRY [VKEY…] check a tlog-proof of the octets in ENTRY; the last
//	                                     keys are those of witnesses
//	reader sign SKEY                     sign the text on standard input
//
// It prints what it found in words and exits with 1, and a reason, where Go refuses.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "export":
		return readExport(words[1], words[2])
	case len(words) >= 4 && words[0] == "proof":
		return readProof(words[1], words[2], words[3], words[4:])
	case len(words) == 2 && words[0] == "sign":
		return sign(words[1])
	}
	return errors.New("usage: reader export|proof|sign")
}

// Notes

// cosigner verifies cosignature/v1 (c2sp.org/tlog-cosignature), which Go's package leaves to
// implementations of its Verifier.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not a key of type 0x04")
	}
	return &cosigner{parts[0], uint32(hash), key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(c.key, []byte(message), signature[8:])
}

// open opens a signed checkpoint; all keys must have signed.
func open(data []byte, vkey string, witnesses []string) (tree tlog.Tree, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	verifiers := []note.Verifier{verifier}
	for _, witness := range witnesses {
		one, err := newCosigner(witness)
		if err != nil {
			return tree, err
		}
		verifiers = append(verifiers, one)
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return tree, err
	}
	if len(opened.Sigs) != len(verifiers) {
		return tree, fmt.Errorf("%d of %d keys signed", len(opened.Sigs), len(verifiers))
	}
	// c2sp.org/tlog-checkpoint: Go's ParseTree knows the checkpoints of go.sum alone.
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tree, errors.New("not a checkpoint of three lines by the name of its key")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func sign(skey string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(signed)
	return err
}

// Exports

// tiles reads the tiles of an export: as Go names them, but without their height
// (c2sp.org/tlog-tiles).
type tiles string

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(t), name))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func readExport(folder, vkey string) error {
	data, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := open(data, vkey, nil)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles(folder))
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the tiles have another root hash")
	}
	entries, err := readEntries(folder, tree.N)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		if err := checkEntry(tree, reader, int64(i), entry); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	fmt.Printf("size %d\nroot %s\nentries %d\n", tree.N, tree.Hash, len(entries))
	return nil
}

// checkEntry checks an entry, and the tree that ends with it, against the whole tree.
func checkEntry(tree tlog.Tree, reader tlog.HashReader, i int64, entry []byte) error {
	inclusion, err := tlog.ProveRecord(tree.N, i, reader)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(inclusion, tree.N, tree.Hash, i, tlog.RecordHash(entry)); err != nil {
		return err
	}
	old, err := tlog.TreeHash(i+1, reader)
	if err != nil {
		return err
	}
	consistency, err := tlog.ProveTree(tree.N, i+1, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(consistency, tree.N, tree.Hash, i+1, old)
}

// readEntries reads the entry bundles of a tree of n entries: each is its size in two octets,
// and itself.
func readEntries(folder string, n int64) ([][]byte, error) {
	var entries [][]byte
	for first := int64(0); first < n; first += 1 << height {
		tile := tlog.Tile{H: height, L: 0, N: first >> height, W: 1 << height}
		if n-first < int64(tile.W) {
			tile.W = int(n - first)
		}
		name := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s ends within an entry", name)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:end])
			data = data[end:]
		}
	}
	if int64(len(entries)) != n {
		return nil, fmt.Errorf("%d entries for a tree of %d", len(entries), n)
	}
	return entries, nil
}

// Proofs

// readProof checks a c2sp.org/tlog-proof file.
func readProof(file, vkey, entry string, witnesses []string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	octets, err := os.ReadFile(entry)
	if err != nil {
		return err
	}
	parts := bytes.SplitN(data, []byte("\n\n"), 2)
	lines := strings.Split(string(parts[0]), "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := open(parts[1], vkey, witnesses)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(octets)); err != nil {
		return err
	}
	fmt.Printf("index %d\nsize %d\nwitnesses %d\n", index, tree.N, len(witnesses))
	return nil
}
