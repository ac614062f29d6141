// Reads CSAF 2.0 documents, one a line, and writes for each the faults that the mandatory tests find.
// Source of the verdicts: @secvisogram/csaf-validator-lib, pinned in package-lock.json.
import { createInterface } from 'node:readline'
import * as basic from '@secvisogram/csaf-validator-lib/basic.js'
import validate from '@secvisogram/csaf-validator-lib/validate.js'

const tests = Object.values(basic)
for await (const line of createInterface({ input: process.stdin })) {
  const document = JSON.parse(line)
  const { tests: results } = await validate(tests, document)
  const faults = results.flatMap((one) =>
    one.errors.map((error) => `${one.name} ${error.instancePath}: ${error.message}`)
  )
  process.stdout.write(`${JSON.stringify({ ran: results.length, faults })}\n`)
}
