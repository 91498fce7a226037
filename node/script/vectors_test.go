package script_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// vectors returns the folder of the reference vectors in txscript's module.
func vectors(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd/txscript/v2").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(dir)), "data")
}

func load(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(vectors(t), name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}

// flagNames are the names that the vectors give to rules.
var flagNames = map[string]txscript.ScriptFlags{
	"": 0, "NONE": 0,
	"P2SH": txscript.ScriptBip16, "DERSIG": txscript.ScriptVerifyDERSignatures, "NULLDUMMY": txscript.ScriptStrictMultiSig,
	"CHECKLOCKTIMEVERIFY": txscript.ScriptVerifyCheckLockTimeVerify, "CHECKSEQUENCEVERIFY": txscript.ScriptVerifyCheckSequenceVerify,
	"WITNESS": txscript.ScriptVerifyWitness, "TAPROOT": txscript.ScriptVerifyTaproot,
	"CLEANSTACK": txscript.ScriptVerifyCleanStack, "DISCOURAGE_UPGRADABLE_NOPS": txscript.ScriptDiscourageUpgradableNops,
	"LOW_S": txscript.ScriptVerifyLowS, "MINIMALDATA": txscript.ScriptVerifyMinimalData, "NULLFAIL": txscript.ScriptVerifyNullFail,
	"SIGPUSHONLY": txscript.ScriptVerifySigPushOnly, "STRICTENC": txscript.ScriptVerifyStrictEncoding,
	"MINIMALIF": txscript.ScriptVerifyMinimalIf, "WITNESS_PUBKEYTYPE": txscript.ScriptVerifyWitnessPubKeyType,
	"CONST_SCRIPTCODE":                      txscript.ScriptVerifyConstScriptCode,
	"DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": txscript.ScriptVerifyDiscourageUpgradeableWitnessProgram,
}

func flagsOf(t testing.TB, text string) (flags txscript.ScriptFlags) {
	t.Helper()
	for _, name := range strings.Split(text, ",") {
		flag, known := flagNames[name]
		require.True(t, known, "rule %q", name)
		flags |= flag
	}
	return flags
}

// assemble reads the vectors' notation of scripts: numbers, 0x-prefixed raw
// bytes, 'quoted' data and names of opcodes without OP_.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	var out []byte
	for _, token := range strings.Fields(text) {
		builder := txscript.NewScriptBuilder()
		if n, err := strconv.ParseInt(token, 10, 64); err == nil {
			builder.AddInt64(n)
		} else if raw, ok := strings.CutPrefix(token, "0x"); ok {
			bytes, err := hex.DecodeString(raw)
			require.NoError(t, err)
			out = append(out, bytes...)
			continue
		} else if token[0] == '\'' {
			builder.AddFullData([]byte(strings.Trim(token, "'")))
		} else {
			op, known := txscript.OpcodeByName["OP_"+strings.TrimPrefix(token, "OP_")]
			require.True(t, known, "token %q", token)
			builder.AddOp(op)
		}
		part, err := builder.Script()
		require.NoError(t, err)
		out = append(out, part...)
	}
	return out
}

// tapLeaf stands for the placeholders of taproot vectors: one script in a tree
// of its own, under the key without a known secret that BIP341 gives.
func tapLeaf(t testing.TB, leaf []byte) (pkScript, control []byte) {
	t.Helper()
	const nums = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
	raw, err := hex.DecodeString(nums)
	require.NoError(t, err)
	internal, err := schnorr.ParsePubKey(raw)
	require.NoError(t, err)
	tree := txscript.AssembleTaprootScriptTree(txscript.NewBaseTapLeaf(leaf))
	root := tree.RootNode.TapHash()
	output := txscript.ComputeTaprootOutputKey(internal, root[:])
	block := tree.LeafMerkleProofs[0].ToControlBlock(internal)
	control, err = block.ToBytes()
	require.NoError(t, err)
	return append([]byte{txscript.OP_1, 32}, schnorr.SerializePubKey(output)...), control
}

// scriptVector is one line of script_tests.json.
type scriptVector struct {
	witness         wire.TxWitness
	amount          int64
	sig, pk         []byte
	flags           txscript.ScriptFlags
	result, comment string
}

func parseScriptVector(t testing.TB, line []any) (v scriptVector) {
	t.Helper()
	v.comment = fmt.Sprint(line)
	var leafOutput []byte
	if items, ok := line[0].([]any); ok {
		v.amount = int64(math.Round(items[len(items)-1].(float64) * 1e8))
		for _, item := range items[:len(items)-1] {
			text := item.(string)
			if leaf, ok := strings.CutPrefix(text, "#SCRIPT#"); ok {
				code := assemble(t, leaf)
				var control []byte
				leafOutput, control = tapLeaf(t, code)
				v.witness = append(v.witness, code, control)
				continue
			} else if text == "#CONTROLBLOCK#" {
				continue
			}
			raw, err := hex.DecodeString(text)
			require.NoError(t, err)
			v.witness = append(v.witness, raw)
		}
		line = line[1:]
	}
	v.sig, v.flags, v.result = assemble(t, line[0].(string)), flagsOf(t, line[2].(string)), line[3].(string)
	if strings.Contains(line[1].(string), "#TAPROOTOUTPUT#") {
		v.pk = leafOutput
	} else {
		v.pk = assemble(t, line[1].(string))
	}
	return v
}

// spending is the pair of transactions that the vectors' authors define.
func (v scriptVector) spending() script.Job {
	credit := wire.NewMsgTx(1)
	credit.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, math.MaxUint32), []byte{0, 0}, nil))
	credit.AddTxOut(wire.NewTxOut(v.amount, v.pk))
	id := credit.TxHash()
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&id, 0), v.sig, v.witness))
	tx.AddTxOut(wire.NewTxOut(v.amount, nil))
	return script.Job{Tx: tx, Flags: v.flags, Spent: []wire.TxOut{{Value: v.amount, PkScript: v.pk}}}
}

func TestReferenceScripts(t *testing.T) {
	var lines [][]any
	load(t, "script_tests.json", &lines)
	v, ran := script.New(script.Config{Disagreed: func(evidence string) { t.Error(evidence) }}), 0
	for _, line := range lines {
		if len(line) == 1 {
			continue // a comment
		}
		vector := parseScriptVector(t, line)
		err := v.Verify([]script.Job{vector.spending()}, false)
		if vector.result == "OK" {
			require.NoError(t, err, vector.comment)
		} else {
			require.Error(t, err, vector.comment)
		}
		ran++
	}
	require.Greater(t, ran, 1200)
}

// txVector is one line of tx_valid.json or tx_invalid.json.
func txVector(t testing.TB, line []any) (job script.Job, rules string) {
	t.Helper()
	raw, err := hex.DecodeString(line[1].(string))
	require.NoError(t, err)
	job.Tx = new(wire.MsgTx)
	require.NoError(t, job.Tx.Deserialize(bytes.NewReader(raw)))
	spent := map[wire.OutPoint]wire.TxOut{}
	for _, item := range line[0].([]any) {
		in := item.([]any)
		hash, err := chainhash.NewHashFromStr(in[0].(string))
		require.NoError(t, err)
		out := wire.TxOut{PkScript: assemble(t, in[2].(string))}
		if len(in) == 4 {
			out.Value = int64(in[3].(float64))
		}
		spent[wire.OutPoint{Hash: *hash, Index: uint32(int64(in[1].(float64)))}] = out
	}
	for _, in := range job.Tx.TxIn {
		out, known := spent[in.PreviousOutPoint]
		require.True(t, known, "%v", line)
		job.Spent = append(job.Spent, out)
	}
	return job, line[2].(string)
}

func eachTxVector(t *testing.T, name string, least int, f func(job script.Job, rules, line string)) {
	t.Helper()
	var lines [][]any
	load(t, name, &lines)
	ran := 0
	for _, line := range lines {
		if _, ok := line[0].([]any); ok {
			job, rules := txVector(t, line)
			f(job, rules, fmt.Sprint(line))
			ran++
		}
	}
	require.Greater(t, ran, least)
}

func TestReferenceTransactions(t *testing.T) {
	var all txscript.ScriptFlags
	for _, flag := range flagNames {
		all |= flag
	}
	v := script.New(script.Config{Disagreed: func(evidence string) { t.Error(evidence) }})
	eachTxVector(t, "tx_valid.json", 100, func(job script.Job, rules, line string) {
		// The rules named are those that the transaction would break.
		job.Flags = all &^ flagsOf(t, rules)
		require.Nil(t, consensus.CheckTx(consensus.NewTx(job.Tx)), line)
		require.NoError(t, v.Verify([]script.Job{job}, false), line)
	})
	eachTxVector(t, "tx_invalid.json", 80, func(job script.Job, rules, line string) {
		if strings.Contains(rules, "BADTX") {
			require.NotNil(t, consensus.CheckTx(consensus.NewTx(job.Tx)), line)
			return
		}
		job.Flags = flagsOf(t, rules)
		require.Error(t, v.Verify([]script.Job{job}, false), line)
	})
}

func TestReferenceSignatureHashes(t *testing.T) {
	var lines [][]any
	load(t, "sighash.json", &lines)
	require.Greater(t, len(lines), 400)
	for _, line := range lines[1:] {
		raw, err := hex.DecodeString(line[0].(string))
		require.NoError(t, err)
		var tx wire.MsgTx
		require.NoError(t, tx.Deserialize(bytes.NewReader(raw)))
		code, err := hex.DecodeString(line[1].(string))
		require.NoError(t, err)
		hashType := txscript.SigHashType(int32(line[3].(float64)))
		hash, err := txscript.CalcSignatureHash(code, hashType, &tx, int(line[2].(float64)))
		require.NoError(t, err)
		want, err := chainhash.NewHashFromStr(line[4].(string))
		require.NoError(t, err)
		require.Equal(t, want[:], hash)
	}
}

// tapVector is one file of taproot-ref.
type tapVector struct {
	Tx               string
	Prevouts         []string
	Index            int
	Flags, Comment   string
	Success, Failure *struct {
		ScriptSig string
		Witness   []string
	}
}

func (v tapVector) job(t testing.TB) script.Job {
	t.Helper()
	raw, err := hex.DecodeString(v.Tx)
	require.NoError(t, err)
	job := script.Job{Tx: new(wire.MsgTx), Flags: flagsOf(t, v.Flags)}
	require.NoError(t, job.Tx.Deserialize(bytes.NewReader(raw)))
	for _, text := range v.Prevouts {
		raw, err := hex.DecodeString(text)
		require.NoError(t, err)
		var out wire.TxOut
		require.NoError(t, wire.ReadTxOut(bytes.NewReader(raw), 0, 0, &out))
		job.Spent = append(job.Spent, out)
	}
	return job
}

func TestReferenceTaproot(t *testing.T) {
	folder := filepath.Join(vectors(t), "taproot-ref")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Greater(t, len(files), 2000)
	for i := 0; i < len(files); i += everyNth {
		file := files[i]
		raw, err := os.ReadFile(filepath.Join(folder, file.Name()))
		require.NoError(t, err)
		var v tapVector
		require.NoError(t, json.Unmarshal(bytes.TrimSuffix(bytes.TrimSpace(raw), []byte(",")), &v), file.Name())
		for valid, spend := range map[bool]*struct {
			ScriptSig string
			Witness   []string
		}{true: v.Success, false: v.Failure} {
			if spend == nil {
				continue
			}
			job := v.job(t)
			in := job.Tx.TxIn[v.Index]
			in.SignatureScript, err = hex.DecodeString(spend.ScriptSig)
			require.NoError(t, err)
			in.Witness = nil
			for _, item := range spend.Witness {
				raw, err := hex.DecodeString(item)
				require.NoError(t, err)
				in.Witness = append(in.Witness, raw)
			}
			err := script.VerifyInput(&job, v.Index)
			require.Equal(t, valid, err == nil, "%s (%s): %v", v.Comment, file.Name(), err)
		}
	}
}
